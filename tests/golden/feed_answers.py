"""What is answered to the golden files of section 8: what stands in feeds, and batches of them."""

from pathlib import Path

from golden.case import Case
from golden.ledgers import RULE
from makers import signer

from appliance.policy import site_rule
from appliance.policy.facts import facts_of
from ledger_sync import batch, feed, tiles
from ledger_sync.batch import Batch
from ledger_sync.gate_alarm import alarm_of
from ledger_sync.merkle import frontier_of
from ledger_sync.sealing import unsealed


def _opening(case: Case, folder: Path) -> None:
    assert feed.opening_of(case.body).to_bytes() == case.body


def _check(case: Case, folder: Path) -> None:
    found = feed.check_of(case.body)
    assert found.to_bytes() == case.body
    rule = site_rule.read(RULE)
    facts = facts_of(found.facts, found.reasons, {rule.digest: rule})
    assert facts.to_bytes() == found.facts


def _forgotten(case: Case, folder: Path) -> None:
    assert feed.pruned_of(case.body).to_bytes() == case.body


def _box(case: Case, folder: Path) -> None:
    assert unsealed(case.body, signer("auditor")).hex() == case.get("opens")


def _head(case: Case, folder: Path) -> None:
    origin, key = case.get("origin"), bytes.fromhex(case.get("key"))
    assert batch.root_of(case.body.decode(), origin=origin, key=key).origin == origin


def _batch(case: Case, folder: Path) -> None:
    """Where so many entries of the feed are held."""
    has, start, count = (int(case.get(name)) for name in ("has", "start", "count"))
    held, sealed, key, text = (
        bytes.fromhex(case.get(name)) for name in ("held", "sealed", "key", "note")
    )
    before = frontier_of(tiles.entries_of(held, has) if has else [])
    shown = Batch(b"", b"", start, count, text.decode(), case.body, sealed)
    found = batch.verified(shown, frontier=before, origin=case.get("origin"), key=key)
    assert tiles.bundle_of(found.entries) == case.body


def _alarm(case: Case, folder: Path) -> None:
    assert alarm_of(case.body).to_bytes() == case.body


ANSWERS = {
    "alarm": _alarm,
    "batch": _batch,
    "box": _box,
    "check": _check,
    "forgotten": _forgotten,
    "head": _head,
    "opening": _opening,
}
"""Kind of golden file -> how it is read."""
