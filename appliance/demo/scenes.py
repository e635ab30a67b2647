"""The script of the demo: who shows what at which gate, and how it must end."""

from collections.abc import Callable
from typing import NamedTuple

from appliance.demo.compound import Compound
from appliance.passes import code
from appliance.policy.reasons import Reason
from appliance.policy.verdict import Action, Colour
from hw.ports import Luma
from hw.sim import photos
from hw.sim.optics import Shot
from ledger_sync.keys import ES256

PHONE = Shot(dots=20, black=0.01, side=0.42, rotation_degrees=4)
SCREEN = Shot(dots=4, black=0.01, side=0.62, rotation_degrees=2)
PAPER = Shot(side=0.5)


class Scene(NamedTuple):
    """One thing that happens at a gate.

    `payload` makes the text at the scene's moment; None shows a picture without any code. `shot`
    is how it is photographed, `wait` the seconds that pass before, `ends` how it must end: colour,
    action, reasons, or None where nothing must happen at all.
    """

    title: str
    gate: str
    payload: Callable[[int], bytes] | None
    shot: Shot
    wait: int
    ends: tuple[Colour, Action, tuple[Reason, ...]] | None
    picture: str = "code"


def _red(*reasons: Reason) -> tuple[Colour, Action, tuple[Reason, ...]]:
    return Colour.RED, Action.DENY, reasons


_GREEN = (Colour.GREEN, Action.OPEN, ())


def script(yard: Compound) -> list[Scene]:
    """Enrols the people of the demo, opens the compound, and gives the scenes in order."""
    lin = yard.phone("Lin, flat 12")
    okafor = yard.phone("Okafor, flat 3", alg=ES256)
    moved = yard.phone("moved out in May")
    courier = yard.phone("a resident with a condition")
    yard.commuter = yard.phone("Sam, flat 8, with a car in the garage", zones=3)
    grandma = yard.paper("Grandmother Chen, flat 40, no phone")
    yard.office.set_status("moved out in May", 1, now=yard.clock.now - 600)
    yard.office.set_status("a resident with a condition", 3, now=yard.clock.now - 600)
    stranger = yard.stranger()
    yard.passers = [lin.reference, courier.reference, okafor.self_contained, moved.reference]
    yard.open()
    shown: list[bytes] = []

    def fresh(at: int) -> bytes:
        shown.append(lin.reference(at))
        return shown[-1]

    def screenshot(at: int) -> bytes:
        return shown[0]

    def early(at: int) -> bytes:
        return lin.reference(at + 600)

    def bare(at: int) -> bytes:
        return code.to_text(lin.held.token)

    def hc1(at: int) -> bytes:
        return b"HC1:6BFOXN*TS0BI$ZD4N9:9S6RCVN5+O30K3"

    return [
        Scene("A resident holds up her phone", "north", fresh, PHONE, 0, _GREEN),
        Scene(
            "Somebody shows a screenshot of that code",
            "north", screenshot, PHONE, 4, _red(Reason.REPLAY),
        ),
        Scene(
            "The same screenshot a minute later",
            "north", screenshot, PHONE, 60, _red(Reason.STALE),
        ),
        Scene(
            "A code made in advance, ten minutes ahead",
            "north", early, PHONE, 5, _red(Reason.FUTURE),
        ),
        Scene(
            "A resident with a P-256 phone, the pass in the code, a grainy screen",
            "north", okafor.self_contained, SCREEN, 5, _GREEN,
        ),
        Scene(
            "Somebody who moved out, blurred",
            "north", moved.reference, Shot(side=0.5, blur_px=1.6), 5, _red(Reason.REVOKED),
        ),
        Scene(
            "A resident with a condition, from the side",
            "north", courier.reference, Shot(side=0.5, tilt=0.25), 5,
            (Colour.YELLOW, Action.ASK, (Reason.CONDITION,)),
        ),
        Scene(
            "A health certificate instead of a pass",
            "north", hc1, PAPER, 5, _red(Reason.FOREIGN),
        ),
        Scene(
            "A resident of another compound",
            "north", stranger.self_contained, Shot(side=0.7), 5, _red(Reason.ISSUER),
        ),
        Scene(
            "A grandmother without a phone, a printed pass, upside down",
            "north", lambda at: grandma, Shot(side=0.55, rotation_degrees=180), 5, _GREEN,
        ),
        Scene(
            "A pass copied out of a phone, without its holder's proof",
            "north", bare, Shot(side=0.6), 5, _red(Reason.PROOF),
        ),
        Scene(
            "A resident at the garage, which her pass does not cover",
            "garage", lin.reference, PHONE, 5, _red(Reason.ZONE),
        ),
        Scene(
            "The one who moved out wants to leave: the way out is never blocked",
            "exit", moved.reference, PHONE, 5,
            (Colour.RED, Action.OPEN, (Reason.REVOKED,)),
        ),
        Scene("A picture of nothing", "north", None, PAPER, 5, None, "empty"),
        Scene("A wallpaper made to choke a decoder", "north", None, PAPER, 5, None, "wallpaper"),
        Scene("The resident again, after all that", "north", fresh, PHONE, 5, _GREEN),
    ]  # fmt: skip


def picture_of(scene: Scene, text: bytes | None, seed: int) -> Luma:
    """What the gate's camera sees in this scene."""
    if text is not None:
        return photos.photograph(text.decode("ascii"), scene.shot, seed=seed)
    if scene.picture == "wallpaper":
        return photos.wallpaper(seed=seed)
    return photos.empty_scene(seed=seed)
