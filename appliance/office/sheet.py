r"""A sheet: CSV as spreadsheets save it, read as numbered records of cells. Knows no column.

    resident;days\r\nChen Wei;30\r\n;\r\n  ->  (1, ["resident", "days"]), (2, ["Chen Wei", "30"])

UTF-8, or UTF-16 with its mark; comma, semicolon or tab; any line ends; no empty lines.
"""

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from ledger_sync.errors import Refused

MAX_COLUMNS = 64
MAX_CELL = 1_024  # characters
PROGRESS_LINES = 1_000  # lines between two calls of `progress`
Fault: TypeAlias = tuple[int, str]
"""The number of the line, from 1, and what is wrong there."""
Progress: TypeAlias = Callable[[int], None]
_SAVE = 'save the sheet as "CSV UTF-8"'
_SPACES = " \u00a0\u3000"  # around a cell; a tab in a cell is a control character
_EMPTY = " ,;\t\r\n"  # what spreadsheets leave below the last line
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def records(
    data: bytes, faults: list[Fault], *, max_lines: int, progress: Progress | None = None
) -> Iterator[tuple[int, list[str]]]:
    """The number of the first line and the cells of each record that holds something, the header
    first. To be read inside `bounded_cells`.

    Adds to `faults` what is no text (then nothing follows) and records with broken quotes (then
    it goes on below). Raises `Refused` at once for more than `max_lines` below the header.
    """
    text = _without_empty_end(_text_of(data, faults))
    if (count := _line_ends_in(text)) > max_lines:
        raise Refused(f"{count} lines below the first, at most {max_lines} are read; divide it")
    separator = _separator_of(text)
    if text.count(separator) > MAX_COLUMNS * max_lines:
        raise Refused(f"more than {MAX_COLUMNS * max_lines} cells")
    lines = _lines_of(text, progress)
    reader = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True)
    cells: list[str] | None = []
    while cells is not None:
        number = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:  # the reader goes on with the next line
            faults.append((number, f"quotes that do not pair, or too long a cell: {error}"))
            continue
        stripped = [cell.strip(_SPACES) for cell in cells or ()]
        if any(stripped):
            yield number, stripped


@contextmanager
def bounded_cells() -> Iterator[None]:
    """Holds csv to `MAX_CELL`. The process has one limit, so it is given back."""
    before = csv.field_size_limit(MAX_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _text_of(data: bytes, faults: list[Fault]) -> str:
    is_wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))  # Excel's "Unicode text"
    encoding = "utf-16" if is_wide else "utf-8"
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding)
        what = f"byte 0x{data[error.start]:02x} is not {encoding.upper()}; {_SAVE}"
        faults.append((1 + _line_ends_in(before), what))
        return ""
    before, nul, _ = text.partition("\0")
    if nul:
        faults.append((1 + _line_ends_in(before), f"a NUL: this is no text; {_SAVE}"))
        return ""
    return text


def _line_ends_in(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _without_empty_end(text: str) -> str:
    """The text up to the last line that holds something, without its line end."""
    last = _LINE.match(text, len(text.rstrip(_EMPTY)))
    return text[: last.end()].rstrip("\r\n") if last else text


def _separator_of(text: str) -> str:
    """The one that the first line holds most of, outside of quotes."""
    start = text.lstrip(_EMPTY)[: MAX_COLUMNS * MAX_CELL]
    first = re.split(r"[\r\n]", start, maxsplit=1)[0]
    return max(",;\t", key=re.sub(r'"[^"]*"', "", first).count)


def _lines_of(text: str, progress: Progress | None) -> Iterator[str]:
    for number, line in enumerate(_LINE.finditer(text), 1):
        if progress and number % PROGRESS_LINES == 0:
            progress(number)
        yield line.group()
