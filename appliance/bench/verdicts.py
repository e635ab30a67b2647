"""What a decision costs beside the signature it cannot do without.

The reference is PyNaCl's `VerifyKey.verify` on the same bytes, its key made before. A decision is
from a decoder's text to the verdict; before it the store is looked at, untimed, as a gate does.
"""

import os
import random
import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nacl.signing import VerifyKey

from appliance.bench import floors, rules
from appliance.bench.measure import (
    Row,
    Work,
    as_where_set,
    both,
    bound,
    flush_of,
    interleaved_ratio,
    row_of,
    twice,
)
from appliance.gate.checker import Checker
from appliance.gate.recorder import Recorder
from appliance.passes import code, token
from appliance.policy.facts import Direction, Gate
from appliance.policy.verdict import Colour
from ledger_sync import accept, entries, merkle, note, trust
from ledger_sync.checklog import CheckLog
from ledger_sync.clock import Grade, Reading
from ledger_sync.feed import Feed, origin_of
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.replica import Replica
from ledger_sync.sealing import Sealer, auditor_key_of
from ledger_sync.store import Store

NOW = 1_795_334_400
SITE, ORIGIN = "yp:hz07", "yardpass/hz07"
HOLDERS = 400  # people who take turns at the gate
LOOKUPS = 10_000  # of anybody: they lie on ten times the pages that a connection keeps
RUNS = 9
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody enrolled, with the texts they show and the same bytes for the reference."""

    handle: bytes
    reference: bytes
    self_contained: bytes
    verify: Work


class Bench:
    """A terminal's store with `HOLDERS` real people and as many made-up passes as asked for."""

    def __init__(self, folder: Path, *, pass_count: int, synchronous: str = "FULL") -> None:
        self.issuer = SigningKey(ED25519, b"i" * 32)
        self.holders: list[Holder] = []
        path = folder / f"{pass_count}-{synchronous}.db"
        Store.create(path, origin=ORIGIN, floor=0).close()
        self.store = Store(path, synchronous=synchronous)
        self.replica = Replica(self.store)
        self._enrol()
        self._fill(pass_count - HOLDERS)
        self.checker = Checker(self.replica, Gate(SITE, "north", Direction.IN, 1))
        name = origin_of("hz07", "bench", b"b" * 8)
        feed = Feed(origin=name, key=self.issuer)
        log = CheckLog(self.store)
        number = log.open_feed(name, b"\0", NOW)
        sealer = Sealer(auditor_key_of(self.issuer.public.raw))
        self.recorder = Recorder(log, feed, number, b"s" * 32, sealer)
        feed.append(b"\0")

    def _enrol(self) -> None:
        issuer = entries.Issuer(SITE, self.issuer.public, NOW - 10, NOW + 10**8, 2)
        bodies = [entries.to_bytes(issuer)]
        for number in range(HOLDERS):
            key = SigningKey(ED25519, _key(number))
            subject, uri, until = f"s{number:010}", f"{SITE}/s/1", NOW + 10**6
            claims = token.Pass(SITE, subject, NOW, until, key.public, uri, number, 1, 1, 1)
            held = token.issue(claims, self.issuer)
            self.holders.append(_holder(held, key))
            bodies.append(entries.to_bytes(_entry(claims, held, self.issuer.public.kid)))
        _fill_replica(self.replica, bodies)

    def _fill(self, count: int) -> None:
        """Passes nobody shows, straight into the table: only their number matters here."""
        chance = random.Random(7)  # noqa: S311 - filler, not a secret
        random63 = partial(chance.getrandbits, 63)
        terms = (1, 1, 1, NOW, NOW + 10**6, ED25519)
        rows = (
            (random63(), chance.randbytes(8), f"f{n}", n % 131_072, *terms, _key(n), random63())
            for n in range(count)
        )
        marks = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        with self.store.transaction():
            self.store.db.executemany(f"INSERT OR IGNORE INTO pass VALUES {marks}", rows)  # noqa: S608 - no outside text

    def anybody(self, chance: random.Random) -> list[bytes]:
        """Handles drawn from all passes that are enrolled."""
        held = [number for (number,) in self.store.rows("SELECT handle FROM pass")]
        return [
            number.to_bytes(8, "big", signed=True) for number in chance.choices(held, k=LOOKUPS)
        ]

    def rest(self) -> None:
        """What the gate does between two people: see `Recorder.rest` and `Terminal.rest`."""
        self.recorder.sealer.prepare()
        self.store.look()

    def decide(self, text: bytes) -> None:
        """One decision without record."""
        verdict = self.checker.assess(text, NOW, grade=Grade.GOOD).verdict
        assert verdict.colour is Colour.GREEN, verdict

    def decide_and_record(self, text: bytes) -> None:
        """One decision, its check on record. The mark is lowered, so that the code stays good."""
        assessed = self.checker.assess(text, NOW, grade=Grade.GOOD)
        assert assessed.mark is not None
        lowered = assessed._replace(mark=(assessed.mark[0], 1))
        self.recorder.record(text, "north", lowered, Reading(NOW, True, 1, True))


def _key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _holder(held: bytes, key: SigningKey) -> Holder:
    reference = code.by_reference(token.handle_of(held), audience=SITE, issued_at=NOW, key=key)
    carried = code.self_contained(held, audience=SITE, issued_at=NOW, key=key)
    signed = code.parse(reference).outer
    assert signed is not None
    verifier, message, signature = VerifyKey(key.public.raw), signed.to_be_signed, signed.signature
    return Holder(
        token.handle_of(held), reference, carried, lambda: verifier.verify(message, signature)
    )


def _entry(claims: token.Pass, held: bytes, kid: bytes) -> entries.Pass:
    handle = token.handle_of(held)
    terms = (claims.klass, claims.zones, claims.assurance, claims.issued_at, claims.expires_at)
    return entries.Pass(handle, kid, claims.subject, claims.uri, claims.idx, *terms, claims.key)


def _fill_replica(replica: Replica, bodies: list[bytes]) -> None:
    """Through acceptance, as any ledger."""
    log, witness = SigningKey(ED25519, b"l" * 32), SigningKey(ED25519, b"w" * 32)
    log_name = note.Verifier(ORIGIN, note.NOTE_KEY, log.public.raw)
    witness_name = note.Verifier("bench", note.COSIGNER_KEY, witness.public.raw)
    policy = f"log {log_name.to_vkey()}\nwitness w {witness_name.to_vkey()}\nquorum w\n"
    believed = trust.pinned(policy.encode(), ORIGIN)
    text = note.Checkpoint(ORIGIN, len(bodies), merkle.frontier_of(bodies).root()).to_text()
    lines = note.sign_note(text, log_name, log)
    lines += note.sign_note(text, witness_name, witness, time=NOW)
    signed = f"{text}\n{lines}".encode()
    candidate = accept.checked(signed, trust=believed, known=accept.NOWHERE)
    chunks, nothing = [bodies], merkle.Frontier()
    accepted = accept.accept(candidate, chunks, trust=believed, frontier=nothing)
    replica.apply(accepted, trust=believed)


def rows(progress: Progress) -> list[Row]:
    """The figures of the decision path; half a minute."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yardpass-bench-")))
        progress("decisions at 1,000 passes")
        small = _opened(stack, folder, 1_000)
        found = [*_decide_rows(small), *_log_rows(stack, folder, small)]
        for count in (100_000, 1_000_000):
            progress(f"decisions at {count:,} passes")
            large = _opened(stack, folder, count)
            pairs = [
                (bound(large.decide, a.reference), bound(small.decide, b.reference))
                for a, b in zip(large.holders, small.holders, strict=True)
            ]
            ratios = interleaved_ratio(pairs, runs=RUNS)
            found.append(row_of(f"decide C at {count:,} passes / at 1,000", ratios, at_most=1.3))
        progress("rules of a site")
        seen = small.checker.assess(small.holders[0].reference, NOW, grade=Grade.GOOD)
        found.append(rules.row(seen.facts, NOW, [h.verify for h in small.holders], RUNS))
        progress("lookups")
        return [*found, *_lookup_rows(large, small)]


def _opened(stack: ExitStack, folder: Path, count: int, synchronous: str = "FULL") -> Bench:
    bench = Bench(folder, pass_count=count, synchronous=synchronous)
    stack.callback(bench.store.close)
    return bench


def _pieces(bench: Bench) -> float:
    return floors.pieces([holder.verify for holder in bench.holders], bench.store.look, RUNS)


def _as_there(bench: Bench, ratios: list[float]) -> list[float]:
    """Ratios to verifications, as where their floors were set."""
    return as_where_set(ratios, _pieces(bench), floors.PIECES_THERE)


def _raw(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.3f} on this machine now"


def _decide_rows(bench: Bench) -> list[Row]:
    by_reference = [(bound(bench.decide, h.reference), h.verify) for h in bench.holders]
    carried = [(bound(bench.decide, h.self_contained), twice(h.verify)) for h in bench.holders]
    look = bench.store.look
    c, b = (interleaved_ratio(p, runs=RUNS, prepare=look) for p in (by_reference, carried))
    pieces = _pieces(bench)
    note = f", where a piece of Python takes {pieces:.3f} verifications"
    return [
        row_of(
            name,
            as_where_set(found, pieces, floors.PIECES_THERE),
            at_most=floors.floor_at(pieces),
            aim=1.15,
            note=_raw(found) + note,
        )
        for name, found in (
            ("decide C without log / bare verify", c),
            ("decide B / two bare verifies", b),
        )
    ]


def _lookup_rows(large: Bench, small: Bench) -> list[Row]:
    """The read of a check alone: of those who come daily, and of whoever is enrolled."""
    chance = random.Random(9)  # noqa: S311 - a draw, not a secret
    daily = [[h.handle for h in bench.holders] for bench in (large, small)]
    anybody = [bench.anybody(chance) for bench in (large, small)]
    name = "lookup among 1,000,000 / among 1,000"
    return [
        row_of(name, _lookups(large, small, daily), at_most=1.3, aim=1.1, note="who comes daily"),
        row_of(
            f"{name}, of anybody",
            _lookups(large, small, anybody),
            note="at random; reported, see README",
        ),
    ]


def _lookups(large: Bench, small: Bench, handles: list[list[bytes]]) -> list[float]:
    """The ratios of one read, pair by pair behind a look."""
    ask, ask_few = large.replica.enrolled, small.replica.enrolled
    pairs = [(partial(ask, one), partial(ask_few, two)) for one, two in zip(*handles, strict=True)]
    assert all(candidate() and reference() for candidate, reference in pairs)
    return interleaved_ratio(pairs, runs=RUNS, prepare=both(large.store.look, small.store.look))


def _log_rows(stack: ExitStack, folder: Path, durable: Bench) -> list[Row]:
    """With the record. The disk's flush is measured apart: no code of ours makes it cheaper."""
    unflushed = _opened(stack, folder, 1_000, "NORMAL")
    page = stack.enter_context((folder / "page").open("w+b", buffering=0))
    page.write(bytes(1 << 20))
    os.fsync(page.fileno())
    flush, record = flush_of(page.fileno()), durable.decide_and_record
    bare = [(bound(record, h.reference), h.verify) for h in durable.holders]
    flushed = [(candidate, both(verify, flush)) for candidate, verify in bare]
    record = unflushed.decide_and_record
    plain = [(bound(record, h.reference), h.verify) for h in unflushed.holders]
    sealed = interleaved_ratio(plain, runs=RUNS, prepare=unflushed.rest)
    for bench in (unflushed, durable):
        bench.recorder.sealer = Sealer()
    logged = interleaved_ratio(plain, runs=RUNS, prepare=unflushed.store.look)
    return [
        row_of(
            "decide C with log append and sealed remainder / bare verify",
            sealed,
            note="synchronous=NORMAL; boxes made ready between people; reported",
        ),
        row_of(
            "decide C with log append / bare verify",
            _as_there(unflushed, logged),
            aim=1.75,
            note=f"{_raw(logged)}; not gated: 1.75 is missed; NORMAL: without the flush",
        ),
        row_of(
            "decide C with flushed log append / (bare verify + bare fdatasync)",
            interleaved_ratio(flushed, runs=RUNS, prepare=durable.store.look),
            note="synchronous=FULL, as the gate runs; reported",
        ),
        row_of(
            "decide C with flushed log append / bare verify",
            interleaved_ratio(bare, runs=RUNS, prepare=durable.store.look),
            note="synchronous=FULL; reported, the flush belongs to the disk",
        ),
    ]
