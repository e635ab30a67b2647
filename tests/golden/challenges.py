"""What a gate without the time shows: its number as a text, and texts gone wrong."""

from collections.abc import Iterator

from golden.case import Case
from makers import GATE, NONCE, SITE

from appliance.passes import challenge_text
from ledger_sync import base45, cbor

_AUD = f"{SITE}/{GATE}"
_LONG = "x" * 62 + "/n"


def _text(stated) -> bytes:
    token = stated if isinstance(stated, bytes) else cbor.encode(stated)
    return challenge_text.PREFIX + base45.encode(token).encode()


def cases() -> Iterator[Case]:
    good = challenge_text.to_text(_AUD, NONCE)
    twice = cbor.encode({3: _AUD, 39: NONCE}).replace(b"\xa2", b"\xa3") + b"\x18\x27\x48" + NONCE
    for name, what, text, rule, expect in (
        ("challenge", "the number of a gate", good, "4.12.1", "accepted"),
        ("challenge-longest", "the longest audience", _text({3: _LONG, 39: NONCE}), "4.12.4",
         "accepted"),
        ("challenge-prefix", "the prefix of a code", good.replace(b"YPN1", b"YP1"), "4.12.1",
         "R-FOREIGN"),
        ("challenge-lower", "the prefix in small letters", good.replace(b"YPN1", b"ypn1"),
         "4.12.1", "R-FOREIGN"),
        ("challenge-513", "513 bytes", _text(bytes(339))[:513], "4.12.2", "R-FORM"),
        ("challenge-cut", "the last character is missing", good[:-1], "4.12.2", "R-FORM"),
        ("challenge-letter", "a small letter", good[:-1] + b"a", "4.12.2", "R-FORM"),
        ("challenge-list", "a list", _text([_AUD, NONCE]), "4.12.3", "R-FORM"),
        ("challenge-alone", "no number", _text({3: _AUD}), "4.12.3", "R-FORM"),
        ("challenge-more", "a third key", _text({3: _AUD, 6: 1, 39: NONCE}), "4.12.3", "R-FORM"),
        ("challenge-twice", "the number stands twice", _text(twice), "4.12.3", "R-FORM"),
        ("challenge-site", "a site, no gate", _text({3: SITE, 39: NONCE}), "4.12.4", "R-FORM"),
        ("challenge-no-gate", "a gate without a name", _text({3: f"{SITE}/", 39: NONCE}), "4.12.4",
         "R-FORM"),
        ("challenge-aud-65", "an audience of 65", _text({3: f"x{_LONG}", 39: NONCE}), "4.12.4",
         "R-FORM"),
        ("challenge-7", "a number of 7 bytes", _text({3: _AUD, 39: NONCE[1:]}), "4.12.4",
         "R-FORM"),
        ("challenge-text", "a number that is a text", _text({3: _AUD, 39: "12345678"}), "4.12.4",
         "R-FORM"),
    ):  # fmt: skip
        yield Case(name, what, text, rule, expect, kind="challenge", is_text=True)
