"""What is said of camera, readers, relay and inputs, by what was found of them. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from appliance.doctor.lines import Fault, Line, Missing, NotHad, absent, fail, not_had, ok, warn

BLACK_MEAN, DIM_MEAN = 8.0, 40.0  # of 255
GLARE_SHARE = 0.4  # of the picture, white
BLURRED = 15.0  # variance of the Laplacian; a printed page in focus has hundreds
INPUTS = ("contact", "exit", "tamper", "fire")
CABLE = "check its cable and the settings"
LOOKS = (
    "yardpass-gate looks through it; for its light and focus: systemctl stop yardpass-gate, then"
    " ask again"
)


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


class AtWork(NamedTuple):
    """What a gate at work says of its devices. `faults` are device -> what is wrong with it,
    `levels` as of `inputs`; `record` says why nothing can be recorded, empty if it can."""

    has_camera: bool
    readers: int
    faults: Mapping[str, str]
    levels: Mapping[str, bool] | Missing
    record: str


def decision(found: NotHad | None) -> Line:
    """Of a gate at work, which was asked to judge."""
    part = "decision"
    return (
        ok(part, "the gate refuses a code that nobody issued")
        if found is None
        else not_had(part, found)
    )


def at_work(found: AtWork | NotHad) -> list[Line]:
    """The lines of devices that a gate has."""
    if not isinstance(found, AtWork):
        return [not_had("camera", found), reader("readers", found), *inputs(found)]
    faults = dict(found.faults)
    told = [_at_work("camera", faults.pop("camera", ""), LOOKS if found.has_camera else "")]
    gone = faults.pop("inputs", "")
    told += [fail(name, what, CABLE) for name, what in faults.items()]
    if not faults:
        complains = f"the gate has {found.readers}, none complains" if found.readers else ""
        told.append(_at_work("readers", "", complains))
    told += inputs(Fault(gone, CABLE) if gone else found.levels)
    if found.record:
        step = "free disk space; look why with: journalctl -u yardpass-gate"
        told.append(fail("record", found.record, step))
    return told


def _at_work(part: str, fault: str, well: str) -> Line:
    """`well` is what is said of a part without a fault; empty where there is none."""
    if fault:
        return fail(part, fault, CABLE)
    return ok(part, well) if well else absent(part, "the settings name none")


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
