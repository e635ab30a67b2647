"""Fonts of the system for letters outside Latin-1, which the fonts of every PDF lack: fontconfig
finds them, none is shipped."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fpdf import FPDF

STEP = "install fontconfig and a font that has its letters, e.g. fonts-noto-cjk"
"""What helps a text that cannot be shown; for whoever tells of it."""
MAX_FONTS = 8  # of the system in one file
FONT_SECONDS = 10  # to find one
FONT_ENDINGS = (".ttf", ".ttc", ".otf", ".otc")
LATIN1 = frozenset(chr(n) for n in (*range(0x20, 0x7F), *range(0xA0, 0x100)))


def foreign(text: str) -> set[str]:
    """Its letters, if it needs a font of the system; the fonts of every PDF know Latin-1 only."""
    letters = set(text)
    return set() if letters <= LATIN1 else letters


@contextmanager
def closing(pdf: "FPDF") -> Iterator["FPDF"]:
    """Closes the fonts in it at the end, which fpdf2 leaves open."""
    from fpdf.fonts import TTFFont

    try:
        yield pdf
    finally:
        for font in pdf.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()


def load(pdf: "FPDF", letters: set[str], *, language: str = "") -> set[str]:
    """Gives `pdf` fonts for `letters`, the first named "0"; those they can show. `language`, such
    as zh-cn, chooses among fonts that draw a letter in the manner of one country or another."""
    shown: set[str] = set()
    names: list[str] = []
    while (missing := letters - shown) and len(names) < MAX_FONTS:
        found = max(_matches(missing, language), key=lambda one: len(one.letters), default=None)
        if found is None or not found.letters:
            break
        try:
            pdf.add_font(str(len(names)), fname=found.path, collection_font_number=found.face)
        except Exception:  # noqa: BLE001 - a broken font costs its letters, never the paper
            break
        names.append(str(len(names)))
        shown |= found.letters
    if names:
        pdf.set_fallback_fonts(names[1:], exact_match=False)
        pdf.set_text_shaping(True)
    return shown


class _Font(NamedTuple):
    path: str
    face: int
    letters: set[str]  # of those wanted


def _matches(letters: set[str], language: str) -> list[_Font]:
    """The best TrueType and the best CFF font for `letters`, as fontconfig sees it."""
    tool = shutil.which("fc-match")
    if tool is None:
        return []
    wanted = " ".join(f"{ord(letter):x}" for letter in sorted(letters))
    found = []
    for kind in ("TrueType", "CFF"):
        pattern = f"sans:charset={wanted}:fontformat={kind}:color=false"
        if language:
            pattern += f":lang={language}"
        with suppress(OSError, subprocess.SubprocessError, ValueError):
            done = subprocess.run(  # noqa: S603 - fontconfig's tool, numbers of letters
                [tool, "--format", "%{file}\t%{index}\t%{charset}", pattern],
                capture_output=True,
                text=True,
                timeout=FONT_SECONDS,
                check=True,
            )
            path, face, charset = done.stdout.split("\t")
            if path.lower().endswith(FONT_ENDINGS):
                # the upper half of the number is the instance of a variable font
                found.append(_Font(path, int(face) & 0xFFFF, _inside(charset, letters)))
    return found


def _inside(charset: str, letters: set[str]) -> set[str]:
    """Those of `letters` in a set as fontconfig writes it: `20-7e a0-17f 192`."""
    ends = [[int(end, 16) for end in part.split("-")] for part in charset.split()]
    return {one for one in letters if any(span[0] <= ord(one) <= span[-1] for span in ends)}
