"""Draws the console that README.md shows: `python tests/console_picture.py`.

The screen of test_console_screens.py, as Textual exports it; without the fonts that the library
would have a browser fetch.
"""

import asyncio
import itertools
import re
from pathlib import Path

from console_yard import ASKED, OPENED, POST, Paper
from test_console_view import AWAY, COMPOUND, FORCED, GREEN, NOW, RED

from appliance.console import catalogue
from appliance.console.app import Console, Wires
from appliance.console.desk import Desk
from appliance.console.view import View

TARGET = Path(__file__).parent.parent / "appliance" / "console" / "console.svg"
SEEN = [GREEN, AWAY, FORCED, RED._replace(at=NOW - 20), OPENED, ASKED]


def drawn() -> str:
    """The picture."""

    async def run():
        batches = [SEEN]
        standing = COMPOUND._replace(alarms=(("exit-1", "forced", NOW - 30),))
        desk = Desk(View("north-1"), catalogue.load().words, POST)
        wires = Wires(
            look=lambda: batches.pop() if batches else [],
            survey=lambda: standing,
            now=lambda: NOW,
            do=Paper([], []).do,
            ticks=itertools.count(1).__next__,
        )
        app = Console(desk, wires)
        async with app.run_test(size=(92, 28)) as pilot:
            for key in ("u", "1", "enter", *"271828", "enter"):
                await pilot.press(key)
            while desk.is_waiting:
                await pilot.pause()
            await pilot.press("f", *["f"] * 4)
            await pilot.pause()
            return app.export_screenshot(title="yardpass console")

    return plain(asyncio.run(run()))


def plain(svg: str) -> str:
    """Without fonts from elsewhere, and one line end."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code", "DejaVu Sans Mono").rstrip() + "\n"


if __name__ == "__main__":
    TARGET.write_text(drawn(), encoding="utf-8")
