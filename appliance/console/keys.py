"""A key that was pressed, as the desk knows it. Pure."""

from typing import NamedTuple


class Key(NamedTuple):
    """`name` is what the terminal calls it (`enter`, `escape`, `up`, `f1`, `a`), `text` what it
    types, empty if nothing; `gap_ms` how long after the key before: a hand scanner types a whole
    code within a blink."""

    name: str
    text: str = ""
    gap_ms: int = 1_000

    @property
    def typed(self) -> str:
        """The character, if it is one that a text can hold."""
        return self.text if len(self.text) == 1 and self.text.isprintable() else ""


def typed(text: str) -> list[Key]:
    """The keys that type this text."""
    return [Key(one, one) for one in text]
