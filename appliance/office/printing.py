"""Codes on paper: a PNG or SVG with the code and a caption. hw/sim draws its own codes."""

import io
from pathlib import Path

import segno

from ledger_sync import files
from ledger_sync.errors import Refused

QUIET_MODULES = 4  # ISO/IEC 18004 asks for four
SCALE_PX = 8  # pixels a module, for 300 dpi prints of about 5 cm


def check_name(path: Path) -> str:
    """The kind of picture `path` asks for. Raises `Refused` for any ending but .png and .svg."""
    kind = path.suffix.lower().lstrip(".")
    if kind not in ("png", "svg"):
        raise Refused(f"{path} must end in .png or .svg")
    return kind


def card(text: bytes, path: Path, *, caption: str = "") -> None:
    """Writes `text` as a QR code, ECC M, to `path` (.png or .svg), whole or not at all.

    The file is its owner's only: whoever copies a printed pass can use it. Raises `Refused` for
    another ending, `Unavailable` if the file cannot be written.
    """
    kind = check_name(path)
    made = segno.make_qr(text.decode("ascii"), error="m", boost_error=False)
    extra = {"title": caption, "desc": caption} if kind == "svg" else {}
    drawn = io.BytesIO()
    made.save(drawn, kind=kind, border=QUIET_MODULES, scale=SCALE_PX, **extra)
    files.replace(path, drawn.getvalue(), mode=0o600)
