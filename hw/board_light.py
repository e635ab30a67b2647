"""The board's own light (ACT on a Pi), for a box that has no screen and no lamps wired yet.

What it says is a rhythm of the kernel's LED triggers, so nothing has to stay running. Linux,
Documentation/ABI/testing/sysfs-class-led and Documentation/leds/leds-class.rst. A machine without
such a light shows nothing.
"""

import enum
from pathlib import Path

LEDS = Path("/sys/class/leds")
NAMES = ("ACT", "led0")  # of newer and older kernels


class Light(enum.Enum):
    """What the light says: milliseconds on and off, (1, 0) for steady.

    No faster than three flashes a second (WCAG 2.3.1).
    """

    WAITING = (100, 1_900)  # no terminal yet: a stick is awaited
    BUSY = (500, 500)  # leave the power and the stick alone
    REFUSED = (200, 200)  # what was brought was refused; the screen and the stick say why
    DONE = (1, 0)  # steady: the stick can be taken out


def show(light: Light, folder: Path = LEDS) -> bool:
    """Whether a light shows it now. Raises nothing."""
    on_ms, off_ms = light.value
    found = next((folder / name for name in NAMES if (folder / name).is_dir()), None)
    if found is None:
        return False
    try:
        if not off_ms:
            (found / "trigger").write_text("default-on")
            return True
        (found / "trigger").write_text("timer")
        (found / "delay_on").write_text(str(on_ms))
        (found / "delay_off").write_text(str(off_ms))
    except OSError:  # a kernel without that trigger, or a sandbox
        return False
    return True
