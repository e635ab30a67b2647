"""The catalogues of the console: one JSON file a language, packaged beside this module.

A file that is missing or broken is a state, not an end: the screen goes on in English and says so.
"""

import json
from importlib import resources
from typing import NamedTuple

from appliance.console.words import Words, catalogue_of

LANGUAGES = ("en", "zh-Hans", "es")
CJK = frozenset({"zh-Hans"})  # no font of a bare Linux console has their letters
MAX_FILE = 256 * 1_024  # bytes


class Loaded(NamedTuple):
    """The words of every language, by its tag; and what was wrong with which file."""

    words: dict[str, Words]
    faults: tuple[str, ...]


def load(folder: object | None = None) -> Loaded:
    """All languages. `folder` is another place of the files than the package."""
    place = folder or resources.files("appliance.console") / "words"
    faults: list[str] = []
    found = {tag: _sentences(place, tag, faults) for tag in LANGUAGES}
    english = found["en"]
    return Loaded({tag: Words(tag, found[tag], english) for tag in LANGUAGES}, tuple(faults))


def _sentences(place: object, tag: str, faults: list[str]) -> dict[str, str]:
    try:
        data = (place / f"{tag}.json").read_bytes()  # type: ignore[operator]  # a Traversable
        if len(data) > MAX_FILE:
            raise ValueError(f"more than {MAX_FILE} bytes")
        return catalogue_of(json.loads(data))
    except (OSError, ValueError, RecursionError) as error:
        faults.append(f"{tag}.json: {str(error)[:100]}")
        return {}
