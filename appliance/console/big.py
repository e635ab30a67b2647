"""Words in large letters, five lines high, for who stands three metres away. Pure.

Only the letters of the verdicts; a word with any other is not drawn large.
"""

HEIGHT = 5
_LETTERS = {
    "A": (" ## ", "#  #", "####", "#  #", "#  #"),
    "D": ("### ", "#  #", "#  #", "#  #", "### "),
    "E": ("####", "#   ", "### ", "#   ", "####"),
    "G": (" ###", "#   ", "# ##", "#  #", " ###"),
    "I": ("###", " # ", " # ", " # ", "###"),
    "J": ("  ##", "   #", "   #", "#  #", " ## "),
    "L": ("#   ", "#   ", "#   ", "#   ", "####"),
    "M": ("#   #", "## ##", "# # #", "#   #", "#   #"),
    "N": ("#   #", "##  #", "# # #", "#  ##", "#   #"),
    "O": (" ## ", "#  #", "#  #", "#  #", " ## "),
    "R": ("### ", "#  #", "### ", "# # ", "#  #"),
    "S": (" ###", "#   ", " ## ", "   #", "### "),
    "V": ("#   #", "#   #", "#   #", " # # ", "  #  "),
    "W": ("#   #", "#   #", "# # #", "## ##", "#   #"),
    "Y": ("#   #", " # # ", "  #  ", "  #  ", "  #  "),
    "●": (" ### ", "#####", "#####", "#####", " ### "),
    "◆": ("  #  ", " ### ", "#####", " ### ", "  #  "),
    "▲": ("  #  ", "  #  ", " ### ", " ### ", "#####"),
    "■": ("#####", "#####", "#####", "#####", "#####"),
    " ": ("  ", "  ", "  ", "  ", "  "),
}


def big(text: str, ink: str = "█") -> list[str] | None:
    """The lines of a text, None if it has a letter that cannot be drawn."""
    if not all(one in _LETTERS for one in text):
        return None
    rows = ("  ".join(_LETTERS[one][row] for one in text) for row in range(HEIGHT))
    return [row.replace("#", ink) for row in rows]
