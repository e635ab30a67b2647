"""Words in large letters, five lines high, for who stands three metres away. Pure.

Only the letters of the verdicts; a word with any other stands small beside its large shape.
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


def big(shape: str, word: str) -> list[str]:
    """The lines of a shape and a word."""
    if all(one in _LETTERS for one in word):
        return _drawn(f"{shape} {word}")
    rows = _drawn(shape)
    rows[HEIGHT // 2] += f"    {word}"
    return rows


def _drawn(text: str) -> list[str]:
    rows = ("  ".join(_LETTERS[one][row] for one in text) for row in range(HEIGHT))
    return [row.replace("#", "█") for row in rows]
