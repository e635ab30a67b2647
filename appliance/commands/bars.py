"""Progress on a terminal; nothing where stderr is none."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def progress_bar(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal; the function it gives is told how many are done."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:

        def advance(done: int) -> None:
            bar.update(done - bar.pos)

        yield advance


class Bars:
    """One bar after the other, on a terminal: told (what is done, how many are, of how many)."""

    def __init__(self) -> None:
        self._what = ""
        self._bar: click._termui_impl.ProgressBar[int] | None = None

    def __enter__(self) -> "Bars":
        return self

    def __call__(self, what: str, done: int, total: int) -> None:
        if not sys.stderr.isatty():
            return
        if what != self._what or self._bar is None or done < self._bar.pos:
            self.close()
            self._what = what
            self._bar = click.progressbar(length=total, label=what, file=sys.stderr)
            self._bar.__enter__()
        self._bar.update(done - self._bar.pos)

    def close(self) -> None:
        if self._bar:
            self._bar.render_finish()
            self._bar = None

    def __exit__(self, *_: object) -> None:
        self.close()
