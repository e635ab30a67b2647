"""A reader as it is typed: `pn532:port=/dev/ttyAMA0`, `osdp:port=/dev/ttyUSB0,address=1`, `pcsc`.

Options are those of a `[[reader]]` in site.toml, with commas between them.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast, get_type_hints

import click

from hw import drivers
from hw.errors import Refused
from hw.ports import Reader

_WORDS = {"true": True, "false": False}


def driver_of(text: str) -> Callable[[], Reader]:
    """What makes the reader, ready for use, or raises `Unavailable` (of hw). Raises `UsageError`
    at once for a text that names none, or options that it has not."""
    name, _, rest = text.partition(":")
    try:
        hints = get_type_hints(drivers.options_of("reader", name))
    except Refused as refused:
        raise click.UsageError(f"--tap {text[:80]}: {refused}") from None
    options = dict(_option(text, pair, hints) for pair in rest.split(",") if pair)
    wrong = drivers.faults("reader", name, options)
    if wrong:
        raise click.UsageError(f"--tap {text[:80]}: {'; '.join(wrong)}")
    return lambda: cast(Reader, drivers.make("reader", name, options))


def _option(text: str, pair: str, hints: dict[str, Any]) -> tuple[str, Any]:
    name, is_given, value = pair.partition("=")
    if not is_given:
        raise click.UsageError(f"--tap {text[:80]}: {pair!r} is no option; write NAME=VALUE")
    return name, _value(value, hints.get(name))


def _value(text: str, kind: Any) -> Any:
    """The value as its option wants it; the text itself where it is none of that kind, which the
    driver's own check then names."""
    if kind is bool:
        return _WORDS.get(text, text)
    with suppress(ValueError):
        return kind(text) if kind in (int, float) else text
    return text
