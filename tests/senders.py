"""What a reader that types and a Wiegand reader send for a text and for a number."""

KEYS = {
    **dict(zip("1234567890-=", range(2, 14), strict=True)),
    **dict(zip("QWERTYUIOP", range(16, 26), strict=True)),
    **dict(zip("ASDFGHJKL", range(30, 39), strict=True)),
    **dict(zip("ZXCVBNM,./", range(44, 54), strict=True)),
    " ": 57,
    "\n": 28,
    "\\": 43,
}
SHIFTED = {":": 39, "%": 6, "*": 9, "+": 13, "$": 5}
LEFT_SHIFT = 42


def strokes(text):
    """(code, value) of each key event that a scanner sends for `text`."""
    for letter in text:
        if letter in SHIFTED or letter.isalpha():
            yield from ((LEFT_SHIFT, 1), (SHIFTED.get(letter) or KEYS[letter], 1))
            yield from ((SHIFTED.get(letter) or KEYS[letter], 0), (LEFT_SHIFT, 0))
        else:
            yield from ((KEYS[letter], 1), (KEYS[letter], 0))


def wiegand_bits(number, count):
    """`number` in `count` bits, between its two parity bits."""
    inner = [number >> at & 1 for at in reversed(range(count))]
    half = (count + 3) // 2
    first = sum(inner[: half - 1]) % 2
    last = 1 - sum(inner[len(inner) - half + 1 :]) % 2
    return [first, *inner, last]
