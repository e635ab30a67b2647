"""Draws the picture of a check that README.md shows: `python tests/poster.py`.

The photo is the demo's first scene as the gate's camera sees it; the verdict is computed.
"""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from appliance.demo.compound import HEARD_AT, START, Compound
from appliance.demo.scenes import PHONE, picture_of, script
from appliance.gate import words
from hw.codes import Scanner

TARGET = Path(__file__).parent.parent / "appliance" / "demo" / "check.png"
INK, GROUND, GREEN, PALE = (235, 235, 235), (24, 26, 27), (0, 158, 115), (150, 150, 150)


def font(size):
    return ImageFont.load_default(size)


def draw(photo, outcome, heard_at):
    sheet = Image.new("RGB", (1180, 400), GROUND)
    sheet.paste(Image.fromarray(photo).resize((711, 400)), (0, 0))
    found = words.document(
        outcome.verdict,
        outcome.assessed.facts,
        outcome.at,
        heard_at=heard_at,
        software="yardpass 0.1.0",
    )
    pen = ImageDraw.Draw(sheet)
    pen.ellipse((745, 40, 805, 100), fill=GREEN)
    pen.text((825, 40), found["verdict"], fill=GREEN, font=font(52))
    lines = (
        (f"north gate: {found['action'].lower()}", INK),
        (f"{found['verified']['class']}, {found['verified']['form']}", INK),
        (f"key held by the phone: {found['verified']['assurance'].replace('_', ' ')}", INK),
        (f"ledger {words.age(found['ledger_age_seconds'])} old, clock {found['clock']}", INK),
        ("on record before the relay moved", INK),
        ("verified offline", PALE),
    )
    for row, (text, ink) in enumerate(lines):
        pen.text((745, 130 + 40 * row), text, fill=ink, font=font(21))
    return sheet


def main():
    with tempfile.TemporaryDirectory() as name, Compound(Path(name)) as yard:
        scene = script(yard)[0]
        text = scene.payload(START)
        photo = picture_of(scene._replace(shot=PHONE), text, seed=2)
        payloads = Scanner().read(np.ascontiguousarray(photo))
        outcome = yard.stations["north"].terminal.present(payloads[0])
        assert outcome.is_opened and outcome.is_recorded
        sheet = draw(photo, outcome, HEARD_AT)
        sheet.convert("P", palette=Image.Palette.ADAPTIVE, colors=96).save(TARGET, optimize=True)


if __name__ == "__main__":
    main()
