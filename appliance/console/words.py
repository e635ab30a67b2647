"""The words of a screen: sentences by name, in one language, over English where it has none. Pure.

words("open.done", gate="north")     ->  `north was opened; it is on record.`
"""

import re
from collections.abc import Mapping

from appliance.policy.reasons import GUARD, Reason
from appliance.policy.schedule import Zone, moment

MAX_SENTENCE = 400  # characters
_PLACE = re.compile(r"\{([a-z_]+)\}")


class Words:
    """One language. `english` stands in for what `sentences` lacks; a name nobody knows is shown
    as it is, so that a screen says something whatever its catalogue lacks."""

    def __init__(
        self, language: str, sentences: Mapping[str, str], english: Mapping[str, str] | None = None
    ) -> None:
        self.language = language
        reasons = {f"reason.{reason}": GUARD[reason] for reason in Reason}
        self._sentences = {**reasons, **(english or {}), **sentences}

    def __call__(self, name: str, /, **values: object) -> str:
        text = self._sentences.get(name, name)
        return _PLACE.sub(lambda found: str(values.get(found[1], found[0])), text)

    def has(self, name: str) -> bool:
        """Whether there is a sentence of this name."""
        return name in self._sentences

    def age(self, seconds: int) -> str:
        """`41 s`, `3 min`, `2 d`: how old something is; a future time counts as no age."""
        for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
            if seconds >= 2 * size:
                return self(f"age.{unit}", count=seconds // size)
        return self("age.second", count=max(seconds, 0))

    def clock(self, since: int, now: int, zone: Zone) -> str:
        """`14:02` today, `14:02, 2 d ago`, `14:02, in 2 d`, in the clocks of the site. Unix
        seconds."""
        then = moment(zone, since)
        days = moment(zone, now).day - then.day
        clock = f"{then.minute // 60:02}:{then.minute % 60:02}"
        name = "time.ago" if days > 0 else "time.ahead"
        return self(name, clock=clock, age=self("age.day", count=abs(days))) if days else clock


def places_in(text: str) -> set[str]:
    """The names of the values that a sentence takes."""
    return set(_PLACE.findall(text))


def catalogue_of(found: object) -> dict[str, str]:
    """The sentences in a parsed catalogue file. Raises `ValueError` for anything but an object of
    one line sentences."""
    if not isinstance(found, dict):
        raise ValueError("not an object of sentences")
    for name, text in found.items():
        if not isinstance(text, str) or not text.isprintable() or len(text) > MAX_SENTENCE:
            raise ValueError(f"{str(name)[:60]!r} is no sentence of one line")
    return found
