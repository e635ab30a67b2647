"""Sections 7.1 to 7.3: notes that a terminal looks at before it fetches anything for them."""

import base64
from collections.abc import Iterator

from golden.case import Case
from golden.ledger_kinds import one, signed
from golden.ledgers import COMMITTEE, COMMITTEE_VERIFIER, ORIGIN
from makers import STRANGER

from ledger_sync import note
from ledger_sync.note import NOTE_KEY, Verifier

BARE = (("origin", ORIGIN), ("pinned", "quorum"))


def cases() -> Iterator[Case]:
    yield from _notes()
    yield from _checkpoints()
    yield from _trusted()


def _note(name: str, what: str, body: bytes, rule: str, *more: tuple[str, str]) -> Case:
    expect = "accepted" if name == "note" else "R-LEDGER"
    return Case(name, what, body, rule, expect, kind="note", more=(*BARE, *more))


def _notes() -> Iterator[Case]:
    text = one()[0].text()
    good = signed(text)
    log_line = good.decode().splitlines()[-2]
    stranger = Verifier("yardpass/hz08", NOTE_KEY, STRANGER.public.raw)
    strange = note.sign_note(text, stranger, STRANGER)
    many = good + "— a AAAAAAA=\n".encode() * 63
    code = log_line.rpartition(" ")[2]
    failing = code[:60] + ("A" if code[60] != "A" else "B") + code[61:]
    far = signed(text, by=("log",)) + _cosigned_at(text, 2**63)
    spare = code[:-2] + chr(ord(code[-2]) + 1) + "="
    assert code.endswith("=") and base64.b64decode(spare) == base64.b64decode(code)
    for name, what, rule, body in (
        ("note", "the checkpoint of two entries", "7.1.5", good),
        ("note-tab", "a tab", "7.1.1", good.replace(b"hz07\n", b"hz07\t\n", 1)),
        ("note-latin", "a byte that is no UTF-8", "7.1.1", good.replace(b"hz07\n", b"\xe9\n", 1)),
        ("note-no-gap", "no empty line", "7.1.2", good.replace(b"\n\n", b"\n")),
        ("note-hyphen", "a hyphen for the dash", "7.1.2", good.replace("—".encode(), b"-", 1)),
        ("note-65-lines", "65 signatures", "7.1.2", many),
        ("note-cut", "no newline at the end", "7.1.2", good[:-1]),
        ("note-plus", "a plus sign in a name", "7.1.3", good + "— a+b AAAAAAAA\n".encode()),
        ("note-padding", "Base64 without its end", "7.1.4", good.replace(b"=\n", b"\n")),
        ("note-spare-bit", "an unused bit set", "7.1.4",
         good.replace(code.encode(), spare.encode())),
        ("note-4-bytes", "a signature of 4 bytes", "7.1.4", good + "— a AAAAAA==\n".encode()),
        ("note-failing", "a known key's signature fails", "7.1.5",
         good.replace(code.encode(), failing.encode())),
        ("note-strangers", "nobody known signed", "7.1.6", f"{text}\n{strange}".encode()),
        ("note-time-2-to-63", "a time past its bound", "7.1.7", far),
    ):  # fmt: skip
        assert name in ("note", "note-65-lines") or body != good
        yield _note(name, what, body, rule)


def _cosigned_at(text: str, time: int) -> bytes:
    """A true signature at a time that our writer would not state."""
    signature = COMMITTEE.sign(note.cosigned(time, text))
    raw = COMMITTEE_VERIFIER.key_id + time.to_bytes(8, "big") + signature
    return f"— {COMMITTEE_VERIFIER.name} {base64.b64encode(raw).decode()}\n".encode()


def _checkpoints() -> Iterator[Case]:
    origin, size, root, _ = one()[0].text().split("\n")
    short = base64.b64encode(base64.b64decode(root)[:31]).decode()
    for name, what, rule, lines in (
        ("checkpoint-2-lines", "no root", "7.2.1", (origin, size)),
        ("checkpoint-empty-line", "an empty line", "7.2.1", (origin, size, root, "", "more")),
        ("checkpoint-size-02", "a zero in front", "7.2.2", (origin, f"0{size}", root)),
        ("checkpoint-size-2-to-63", "a size past its bound", "7.2.2", (origin, 2**63, root)),
        ("checkpoint-root-31", "a root of 31 bytes", "7.2.3", (origin, size, short)),
    ):
        text = "".join(f"{line}\n" for line in lines)
        yield _note(name, what, signed(text), rule)


def _trusted() -> Iterator[Case]:
    text = one()[0].text()
    held = ("held", "ledger-one")
    other = note.Checkpoint(ORIGIN, 2, bytes(32)).to_text()
    smaller = one()[0].text(1)
    for name, what, rule, body, more in (
        ("origin-other", "the ledger of a neighbour", "7.3.2",
         signed(text.replace("hz07", "hz08")), ()),
        ("log-missing", "only a cosigner signed", "7.3.3", signed(text, by=("committee",)), ()),
        ("quorum-missing", "only the log signed", "7.3.4", signed(text, by=("log",)), ()),
        ("size-falls", "smaller than the one held", "7.3.5", signed(smaller), (held,)),
        ("root-other", "another root at the size held", "7.3.5", signed(other), (held,)),
    ):  # fmt: skip
        yield _note(name, what, body, rule, *more)
