"""`yardpass sim`: stand-ins for readers and cameras, for trials and for the training of guards."""

import json
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import click

from appliance.commands.sim_card import card
from appliance.commands.sim_osdp import osdp
from appliance.gate.wakeup import naps
from hw.errors import Refused, Unavailable
from hw.readers.pn532_frame import UID_BYTES
from hw.readers.text_lines import MAX_TEXT, MIN_TEXT, is_text
from hw.sim import album
from hw.sim.photos import Condition, empty_scene, photo_of
from hw.sim.pn532 import SimCard, SimPn532
from hw.sim.qr_module import SimQrModule

MAX_TEXTS = 1_000
HEX = re.compile("([0-9A-Fa-f]{2})+")
PLAIN_CARD = 0x08
"""SAK of a card that has a number and nothing else."""


def _uids(_: click.Context, __: click.Parameter, values: Sequence[str]) -> list[bytes]:
    """Numbers of cards in hex, such as `04A1B2C3D4E5F6`."""
    found = []
    for value in values:
        uid = bytes.fromhex(value) if HEX.fullmatch(value) else b""
        if len(uid) not in UID_BYTES:
            raise click.BadParameter(f"{value[:60]!r} is no UID; give 8, 14 or 20 hex digits")
        found.append(uid)
    return found


def _texts(_: click.Context, __: click.Parameter, values: Sequence[str]) -> Sequence[str]:
    """What codes say."""
    for text in values:
        data = text.encode(errors="surrogateescape")
        if not (MIN_TEXT <= len(data) <= MAX_TEXT and is_text(data)):
            raise click.BadParameter(
                f"{text[:40]!r}, {len(data)} bytes; give {MIN_TEXT} to {MAX_TEXT} bytes of text"
            )
    return values


port_option = click.option(
    "--port", type=click.Path(path_type=Path),
    help="Where to make the port; in a new folder by default.",
)  # fmt: skip
every_option = click.option(
    "--every", type=click.FloatRange(0.02, 3600), default=5.0, show_default=True,
    help="Seconds from one card to the next; half of them it stays.",
)  # fmt: skip
count_option = click.option(
    "--count", type=click.IntRange(0), default=0,
    help="End after so many cards instead of at Ctrl-C.",
)  # fmt: skip
texts_option = click.option(
    "--text", "texts", metavar="CODE", callback=_texts, multiple=True, required=True,
    help="What a code says, such as the text of a printed pass; repeat for several, in turn.",
)  # fmt: skip


@click.group()
def sim() -> None:
    """Stand-ins for readers and cameras, to try a terminal without them and to train guards.

    Nothing that they show is real, and a terminal cannot tell: use them on a bench, not at a gate.
    """


@sim.group()
def reader() -> None:
    """A reader on a port that a terminal opens like a real one."""


@reader.command()
@click.option(
    "--uid", "uids", metavar="HEX", callback=_uids, multiple=True, show_default=True,
    default=("04A1B2C3D4E5F6",),
    help="Number of the card, 8, 14 or 20 hex digits; repeat for several, in turn.",
)  # fmt: skip
@port_option
@every_option
@count_option
def pn532(uids: Sequence[bytes], port: Path | None, every: float, count: int) -> None:
    """A PN532 card reader, with a card that comes and goes.

    The card has a number and nothing else. libnfc sees it, too, by
    LIBNFC_DEFAULT_DEVICE=pn532_uart:PORT nfc-list.
    """
    with closing(SimPn532(port)) as chip:
        _introduce("pn532", port=chip.path)
        _play(
            [(f"card {uid.hex()}", partial(chip.show, SimCard(uid, PLAIN_CARD))) for uid in uids],
            chip.remove,
            every=every,
            count=count,
        )


@reader.command()
@texts_option
@port_option
@every_option
@count_option
def qr(texts: Sequence[str], port: Path | None, every: float, count: int) -> None:
    """A QR module on a serial port, to which a code is held now and then."""
    with closing(SimQrModule(port)) as module:
        _introduce("serial_qr", port=module.path)
        _play(
            [(f"code {text[:40]}", partial(module.show, text.encode())) for text in texts],
            module.remove,
            every=every,
            count=count,
        )


@sim.command()
@click.argument("folder", type=click.Path(path_type=Path))
@texts_option
@click.option(
    "--condition", type=click.Choice([str(one) for one in Condition]), default="plain",
    show_default=True, help="What makes the pictures hard to read.",
)  # fmt: skip
def camera(folder: Path, texts: Sequence[str], condition: str) -> None:
    """Write pictures of codes into FOLDER, which a terminal then takes for its camera.

    Between two codes there is a picture without one, as when nobody stands there.
    """
    if len(texts) > MAX_TEXTS:
        raise Refused(f"{len(texts)} texts; give at most {MAX_TEXTS}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Refused(f"{folder} holds other things, which would be shown; give a new folder")
        for number, text in enumerate(texts):
            _photograph(text, Condition(condition), folder, number)
    except (Refused, Unavailable):
        raise
    except OSError as error:
        raise Unavailable(f"{folder}: {error.strerror}; choose another folder") from error
    click.echo(f"{2 * len(texts)} pictures in {folder}")
    _introduce("files", table="camera", paths=[str(folder.resolve())], repeat=True)


def _photograph(text: str, condition: Condition, folder: Path, number: int) -> None:
    try:
        picture = photo_of(text, condition, seed=number)
    except ValueError as error:  # segno's, for what no QR code holds
        raise Refused(f"{text[:40]!r} makes no QR code ({error}); shorten it") from error
    album.save(picture, folder / f"{number:03}-code.png")
    album.save(empty_scene(seed=number), folder / f"{number:03}-nobody.png")


def _introduce(driver: str, *, table: str = "reader", **options: object) -> None:
    """Say what to write into the settings of a terminal. JSON's texts and lists are TOML's."""
    click.echo(f"write into the terminal's settings:\n\n[{table}]")
    for key, value in {"driver": driver, **options}.items():
        click.echo(f"{key} = {json.dumps(value)}")
    click.echo("")


@contextmanager
def _until_stopped() -> Iterator[None]:
    """Ctrl-C and SIGTERM end what is done here, and what follows still takes the port away."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _play(
    acts: Sequence[tuple[str, Callable[[], None]]],
    remove: Callable[[], None],
    *,
    every: float,
    count: int,
) -> None:
    """Show one after the other, for ever without `count`, until Ctrl-C."""
    click.echo(f"one card every {every:g} s; Ctrl-C ends it", err=True)
    with _until_stopped(), naps() as pause:
        for what, show in islice(cycle(acts), count or None):
            pause(every / 2)  # a terminal needs a moment to find the port
            click.echo(f"shown: {what}", err=True)  # first: who reads it may end us at once
            show()
            pause(every / 2)
            remove()


sim.add_command(card)
reader.add_command(osdp)
