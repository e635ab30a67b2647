"""Codes on paper: a PNG or SVG with the code and a caption. hw/sim draws its own codes."""

from pathlib import Path

import segno

from ledger_sync.errors import Refused, Unavailable

QUIET_MODULES = 4  # ISO/IEC 18004 asks for four
SCALE_PX = 8  # pixels a module, for 300 dpi prints of about 5 cm


def card(text: bytes, path: Path, *, caption: str = "") -> None:
    """Writes `text` as a QR code, ECC M, to `path` (.png or .svg).

    Raises `Refused` for another ending, `Unavailable` if the file cannot be written.
    """
    kind = path.suffix.lower().lstrip(".")
    if kind not in ("png", "svg"):
        raise Refused(f"{path} must end in .png or .svg")
    made = segno.make_qr(text.decode("ascii"), error="m", boost_error=False)
    extra = {"title": caption, "desc": caption} if kind == "svg" else {}
    try:
        made.save(str(path), kind=kind, border=QUIET_MODULES, scale=SCALE_PX, **extra)
    except OSError as error:
        why = error.strerror or error
        raise Unavailable(f"{path} cannot be written ({why}); check the folder") from error
