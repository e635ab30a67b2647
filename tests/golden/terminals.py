"""What a new terminal shows to the office, and such texts gone wrong."""

from collections.abc import Iterator

from golden.case import Case

from appliance.passes import terminal_text
from ledger_sync import base45, cbor, certificate
from ledger_sync.keys import ED25519, SigningKey

KEY, LINK = SigningKey(ED25519, b"k" * 32), SigningKey(ED25519, b"l" * 32)
OTHER = SigningKey(ED25519, b"o" * 32)
GENESIS = bytes(range(8))
ADDRESS = "north-1.local:7461"
PURPOSE = b"yardpass/enrol/v1\n"


def told(**others) -> list:
    """What is signed, with parts of it exchanged."""
    signed = certificate.signature_of(certificate.make("north-1", LINK.seed))
    parts = {
        "version": 1,
        "name": "north-1",
        "gate": "north",
        "addresses": [ADDRESS],
        "genesis": GENESIS,
        "key": KEY.public.raw,
        "link": LINK.public.raw,
        "signed": signed,
    }
    return list((parts | others).values())


def text(parts, *, by=KEY, after=b"") -> bytes:
    signature = by.sign(PURPOSE + cbor.encode(parts))
    whole = cbor.encode([*parts, signature]) + after
    return terminal_text.PREFIX + base45.encode(whole).encode()


def cases() -> Iterator[Case]:
    good = terminal_text.text_of("north-1", "north", (ADDRESS,), GENESIS, KEY, LINK)
    what = "the enrolment code of a terminal"
    yield Case("newcomer", what, good, "4.15.1", "accepted", kind="newcomer", is_text=True)
    long = text(told(addresses=["a" * 58 + ":7461"] * 4)) + b"0" * 200
    for name, what, shown, rule, expect in (
        ("prefix", "the prefix of a phone", good.replace(b"YPT1", b"YPK1"), "4.15.1", "R-FOREIGN"),
        ("lower", "the prefix in small letters", good.lower(), "4.15.1", "R-FOREIGN"),
        ("long", "more than 768 bytes", long, "4.15.2", "R-FORM"),
        ("cut", "the last character is missing", good[:-1], "4.15.2", "R-FORM"),
        ("more", "a byte after the item", text(told(), after=b"\0"), "4.15.3", "R-FORM"),
        ("version", "version 2", text(told(version=2)), "4.15.4", "R-FORM"),
        ("name", "a name in capitals", text(told(name="North")), "4.15.4", "R-FORM"),
        ("gate", "no gate", text(told(gate="")), "4.15.4", "R-FORM"),
        ("five", "five addresses", text(told(addresses=[ADDRESS] * 5)), "4.15.4", "R-FORM"),
        ("address", "no port", text(told(addresses=["north"])), "4.15.4", "R-FORM"),
        ("genesis", "7 bytes of a policy", text(told(genesis=GENESIS[:7])), "4.15.4", "R-FORM"),
        ("key", "a key of 31 bytes", text(told(key=bytes(31))), "4.15.4", "R-FORM"),
        ("ten", "a tenth part", text([*told(), 0]), "4.15.4", "R-FORM"),
        ("forged", "signed by another key", text(told(), by=OTHER), "4.15.5", "R-SIG"),
        ("link", "another link key", text(told(link=OTHER.public.raw)), "4.15.6", "R-SIG"),
        ("renamed", "the link of another name", text(told(name="north-2")), "4.15.6", "R-SIG"),
    ):  # fmt: skip
        yield Case(f"newcomer-{name}", what, shown, rule, expect, kind="newcomer", is_text=True)
