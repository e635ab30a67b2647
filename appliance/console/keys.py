"""A key that was pressed, as the desk knows it. Pure."""

from typing import NamedTuple


class Key(NamedTuple):
    """`name` is what the terminal calls it (`enter`, `escape`, `up`, `f1`, `a`), `text` what it
    types, empty if nothing."""

    name: str
    text: str = ""

    @property
    def typed(self) -> str:
        """The character, if it is one that a text can hold."""
        return self.text if len(self.text) == 1 and self.text.isprintable() else ""


def typed(text: str) -> list[Key]:
    """The keys that type this text."""
    return [Key(one, one) for one in text]
