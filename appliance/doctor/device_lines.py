"""What is said of camera, readers, relay and inputs, by what was found of them. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from appliance.doctor.lines import Fault, Line, NotHad, absent, fail, not_had, ok, warn

BLACK_MEAN, DIM_MEAN = 8.0, 40.0  # of 255
GLARE_SHARE = 0.4  # of the picture, white
BLURRED = 15.0  # variance of the Laplacian; a printed page in focus has hundreds
INPUTS = ("contact", "exit", "tamper", "fire")


class Picture(NamedTuple):
    """What hw/picture_quality.py measures of one picture."""

    width: int
    height: int
    mean: float
    dark: float
    bright: float
    sharpness: float


class RelayState(NamedTuple):
    """What `yardpass relay` says of itself: on now and for how long, and how often it refused."""

    is_on: bool
    left_ms: int
    refused: int


def camera(found: Picture | NotHad) -> Line:
    part = "camera"
    if not isinstance(found, Picture):
        return not_had(part, found)
    size = (
        f"{found.width} x {found.height}, mean {found.mean:.0f}, sharpness {found.sharpness:.0f}"
    )
    if found.mean < BLACK_MEAN:
        step = "take the cap off the lens, light the place, check the camera's cable"
        return fail(part, f"a black picture, {size}", step)
    if found.bright > GLARE_SHARE:
        step = "shade it from the sun or turn it away from the lamp"
        return warn(part, f"{found.bright:.0%} of the picture is white, {size}", step)
    if found.mean < DIM_MEAN:
        return warn(part, f"a dark picture, {size}", "light the place where codes are held")
    if found.sharpness < BLURRED:
        step = (
            "hold a printed page 30 cm before it, turn the lens until it is sharp, and ask again"
        )
        return warn(part, f"nothing sharp in the picture, {size}", step)
    return ok(part, size)


def reader(part: str, found: str | NotHad) -> Line:
    """`found` is the name of the reader that answered."""
    return ok(part, f"{found} answers") if isinstance(found, str) else not_had(part, found)


def relay(found: RelayState | NotHad) -> Line:
    part = "relay"
    if not isinstance(found, RelayState):
        return not_had(part, found)
    if found.is_on:
        return ok(part, f"on for {found.left_ms} ms more, as somebody asked")
    if found.refused:
        step = "look why with: journalctl -u yardpass-relay"
        return warn(part, f"off; {found.refused} requests were refused since its start", step)
    return ok(part, "off, its process answers")


def simulated_relay() -> Line:
    step = 'write driver = "relayd" under [relay], and run yardpass relay'
    return warn("relay", "the settings say sim, which moves nothing", step)


def click(found: int | NotHad) -> Line:
    """`found` is how long it was on, in ms."""
    if isinstance(found, int):
        heard = f"it was on for {found} ms: it must have clicked twice"
        return ok("click", heard)
    return not_had("click", found)


def inputs(found: Mapping[str, bool] | NotHad) -> list[Line]:
    """`found` says of each wired input whether it is active."""
    if isinstance(found, Fault):
        return [not_had("inputs", found)]
    levels: Mapping[str, bool] = found if isinstance(found, Mapping) else {}
    why = "not wired" if isinstance(found, Mapping) else found.why
    return [_input(name, levels[name]) if name in levels else absent(name, why) for name in INPUTS]


def _input(name: str, is_active: bool) -> Line:
    match name, is_active:
        case "contact", True:
            step = "shut it and ask again; if it is shut, a wire of the contact is cut"
            return warn(name, "the gate is open", step)
        case "tamper", True:
            return fail(name, "the box is open", "shut the box, or mend the tamper switch's wire")
        case "fire", True:
            step = "ask at the fire panel; if it is quiet, its wire is cut"
            return fail(name, "the fire panel calls", step)
        case "exit", True:
            step = "let go of the button; if nobody presses it, it is jammed or wired wrongly"
            return warn(name, "the exit button is pressed", step)
        case _:
            return ok(name, "shut" if name in ("contact", "tamper") else "at rest")
