"""How a phone's key reaches `office enrol`, and how the pass goes back to it."""

import contextlib
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import click

from appliance.commands.office_options import FILE
from appliance.passes import code, phone_text, terminal_text
from appliance.passes.phone_text import KEY_PREFIX, MAX_KEY_TEXT, Limits
from appliance.passes.terminal_text import Enrolment
from hw.camera.files import SUFFIXES, picture
from hw.decoder import DecoderChild
from ledger_sync import cbor, files
from ledger_sync.errors import Refused
from ledger_sync.keys import PublicKey, public_key

ENGINES = ("zxing", "zbar")
DEADLINE_SECONDS = 20.0  # nobody waits at a gate; the largest pictures take seconds
_STEP = "take a sharper picture of the screen, or give the text"
_LOCAL = ("localhost", "127.0.0.1", "[::1]")


class Reply(NamedTuple):
    """How a pass goes back: as a code, or to the wallet of a phone, at `link` if its address was
    given; with what invites it may give, if that is known."""

    is_wallet: bool = False
    link: str | None = None
    limits: Limits | None = None

    def shown(self, token: bytes) -> bytes:
        """The pass as a text."""
        if not self.is_wallet:
            return code.to_text(token)
        return phone_text.of_pass(token, self.limits)

    def linked(self, token: bytes) -> str | None:
        """The address that brings the pass to the wallet; browsers send no fragment anywhere."""
        if self.link is None:
            return None
        return f"{self.link}#pass={quote(phone_text.of_pass(token, self.limits), safe='')}"


class Given(NamedTuple):
    """What was given of a holder; nothing is read yet."""

    key_file: Path | None
    phone: str | None
    link: str | None

    @property
    def is_one(self) -> bool:
        return bool(self.key_file or self.phone)

    @property
    def reply(self) -> Reply:
        return Reply(bool(self.phone), self.link)

    def key(self) -> PublicKey | None:
        """The holder's key, None if none was given. Raises `Refused` for what is no key."""
        if self.key_file:
            return _key_file(self.key_file)
        return _phone_key(self.phone) if self.phone else None


def holder_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--key`, `--phone` and `--link`, which reach the command as one `given`."""

    @click.option("--key", "key_file", type=FILE, help="Holder key, COSE_Key.")
    @click.option("--phone", metavar="TEXT_OR_FILE", help="What a phone's wallet shows: YPK1:...")
    @click.option("--link", metavar="URL", help="With --phone: print a link to the page there.")
    @functools.wraps(command)
    def run(key_file: Path | None, phone: str | None, link: str | None, **others: Any) -> None:
        if key_file and phone:
            raise click.UsageError("give --key or --phone, not both")
        if link is not None and not phone:
            raise click.UsageError("--link needs --phone")
        command(given=Given(key_file, phone, address(link)), **others)

    return run


def reply_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--phone` and `--link` of a pass that is there already, which reach it as one `reply`."""

    @click.option("--phone", is_flag=True, help="As a text for the wallet of a phone.")
    @click.option("--link", metavar="URL", help="As a link to the wallet's page there.")
    @functools.wraps(command)
    def run(phone: bool, link: str | None, **others: Any) -> None:
        command(reply=Reply(phone or link is not None, address(link)), **others)

    return run


def address(url: str | None) -> str | None:
    """Where the wallet is, without fragment. Raises `UsageError` for what no phone would open."""
    if url is None:
        return None
    parts = urlsplit(url)
    host = parts.netloc.rpartition(":")[0] or parts.netloc
    is_fit = parts.scheme == "https" or (parts.scheme == "http" and host in _LOCAL)
    if not is_fit or not parts.netloc:
        raise click.UsageError(f"--link {url!r} is no https:// address of the wallet")
    return url.partition("#")[0]


def _key_file(file: Path) -> PublicKey:
    data = files.read_bounded(file, 1_024, hint="the phone shows the key when it is set up")
    with contextlib.suppress(ValueError):  # not hex: the bytes themselves
        data = bytes.fromhex(data.decode("ascii").strip())
    try:
        return public_key(cbor.decode(data))
    except Refused as refused:
        raise Refused(f"{file} is not a holder key: {refused}") from None


def enrolment(given: str) -> Enrolment:
    """What a new terminal shows, in the same ways."""
    prefix = terminal_text.PREFIX
    name = "the text" if given.startswith(prefix.decode()) else given
    try:
        return terminal_text.enrolment_in(_shown_text(given, prefix, terminal_text.MAX_TEXT))
    except Refused as refused:
        why = f"{name} is not the enrolment code of a terminal: {refused}"
        step = "show it again with: yardpass first-boot --show"
        if name == "the text":
            step = "put it in single quotes, or give the file enrolment.txt that the box left"
        raise Refused(f"{why}; {step}", reason=refused.reason) from None


def _phone_key(given: str) -> PublicKey:
    """The key in the text itself, in a file with it, in a picture of it, or on stdin (`-`)."""
    name = "the text" if given.startswith(KEY_PREFIX.decode()) else given
    try:
        return phone_text.key_in(_shown_text(given, KEY_PREFIX, MAX_KEY_TEXT))
    except Refused as refused:
        why = f"{name} is not the enrolment code of a phone: {refused}"
        raise Refused(f"{why}; let the phone show it again", reason=refused.reason) from None


def _shown_text(given: str, prefix: bytes, most: int) -> bytes:
    """A text that begins with `prefix`, of at most so many bytes."""
    if given.startswith(prefix.decode()):
        return _stripped(given.encode(errors="replace"))
    if given == "-":
        return _stripped(sys.stdin.buffer.read(most + 3))
    file = Path(given)
    if file.suffix.lower() in SUFFIXES:
        return _scanned(file, prefix)
    if file.is_file() and not _is_text(file):
        what = "it is neither a text nor a picture that can be read here"
        raise Refused(f"{what}; send it as PNG or JPEG", reason="R-FORM")
    return _stripped(files.read_bounded(file, most + 2, hint="give the text or a file"))


def _is_text(file: Path) -> bool:
    """Whether a file begins as a text does, and not as a picture of a kind or a document."""
    try:
        with file.open("rb") as opened:
            head = opened.read(64)
    except OSError:
        return True  # whoever reads it says why it cannot be
    return head.isascii() and b"\0" not in head and not head.startswith(b"%PDF")


def _stripped(text: bytes) -> bytes:
    """Without what stands around it: Base45 has a space, but never at the end."""
    return text.strip()


def _scanned(file: Path, prefix: bytes) -> bytes:
    luma = picture(file).luma
    with DecoderChild(ENGINES, deadline_seconds=DEADLINE_SECONDS) as decoder:
        found = decoder.read(luma)
    ours = [text for text in found if text.startswith(prefix)]
    if len(ours) != 1:
        raise Refused(f"{len(ours)} enrolment codes in the picture; {_STEP}")
    return ours[0]
