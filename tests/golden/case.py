"""One golden file: named header lines, a blank line, then the bytes as hex or as text.

    kind: code
    what: one byte stands after the end of the token
    rule: 1.1
    expect: R-FORM
    at: 1767225600
    body: hex

    d284...

`expect` is `accepted` or the first reason of the verdict. `at` is when it is shown; further lines
say what else the gate knows: `grade` of its clock, the `nonce` it shows, the time of the `last`
code accepted from `holder` (a raw public key), the deny note by which its place is `denied`.
`policy` lines are the pinned policy of an export. What parts of a ledger state is in answers.py.
"""

from pathlib import Path
from typing import NamedTuple

from makers import AT

FOLDER = Path(__file__).parent
_WIDTH = 96


class Case(NamedTuple):
    """A golden file taken apart; `name` is its file name without the ending."""

    name: str
    what: str
    body: bytes
    rule: str
    expect: str
    at: int = AT
    kind: str = "code"
    is_text: bool = False
    more: tuple[tuple[str, str], ...] = ()

    def get(self, key: str) -> str:
        return dict(self.more).get(key, "")

    def all(self, key: str) -> list[str]:
        return [value for name, value in self.more if name == key]


def render(case: Case) -> str:
    head = {
        "kind": case.kind,
        "what": case.what,
        "rule": case.rule,
        "expect": case.expect,
        "at": str(case.at),
    }
    form = "text" if case.is_text else "hex"
    lines = [f"{key}: {value}" for key, value in (*head.items(), *case.more, ("body", form))]
    return "\n".join((*lines, "", *_body(case))) + "\n"


def _body(case: Case) -> list[str]:
    if case.is_text:
        return [case.body.decode("ascii")]
    digits = case.body.hex()
    return [digits[at : at + _WIDTH] for at in range(0, len(digits), _WIDTH)]


def read(path: Path) -> Case:
    head, _, body = path.read_text(encoding="ascii").partition("\n\n")
    lines = [tuple(line.split(": ", 1)) for line in head.splitlines()]
    known = dict(lines)
    is_text = known["body"] == "text"
    kept = ("kind", "what", "rule", "expect", "at", "body")
    return Case(
        name=path.stem,
        what=known["what"],
        body=body.removesuffix("\n").encode() if is_text else bytes.fromhex(body),
        rule=known["rule"],
        expect=known["expect"],
        at=int(known["at"]),
        kind=known["kind"],
        is_text=is_text,
        more=tuple((key, value) for key, value in lines if key not in kept),
    )


def read_all() -> list[Case]:
    return [read(path) for path in sorted(FOLDER.glob("*.txt"))]
