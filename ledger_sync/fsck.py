"""Whether a terminal's store still is what was accepted and recorded: every byte that can be told.

Reads only. The ledger is hashed and replayed beside the store, feeds are hashed against their
signed heads. Findings are sentences; none means sound. FORMAT.md sections 5 to 8.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from ledger_sync import fsck_feeds, fsck_ledger, fsck_withdrawals
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.store import Store
from ledger_sync.trust import Trust
from ledger_sync.withdrawals import Verify

MAX_FINDINGS = 100  # sentences of one run; more only says that it is bad


def findings(
    store: Store, pinned: Trust, *, site_secret: bytes = b"", verify: Verify | None = None
) -> list[str]:
    """What is wrong with the store as it is at one moment, at most `MAX_FINDINGS` sentences.

    With the site's secret the marks of holders are held against the checks of all terminals,
    else against those of this one; with `verify` withdrawals are looked at. Raises `Unavailable`
    only if the store cannot be read at all.
    """
    with _one_view(store):
        return _findings(store, pinned, site_secret, verify)


@contextmanager
def _one_view(store: Store) -> Iterator[None]:
    """Whatever a gate or an import writes meanwhile, all reads inside see one moment: that of the
    view or transaction which is open already, or of one that ends with this."""
    if store.db.in_transaction:
        yield
        return
    with store.translated():
        store.db.execute("BEGIN")
    try:
        yield
    finally:
        if store.db.in_transaction:  # SQLite ends it by itself where the disk fails
            store.db.execute("ROLLBACK")


def _findings(store: Store, pinned: Trust, site_secret: bytes, verify: Verify | None) -> list[str]:
    found: list[str] = []
    parts = (
        _pages(store),
        fsck_ledger.findings(store, pinned),
        fsck_feeds.findings(store, site_secret),
        fsck_withdrawals.findings(store, verify),
    )
    for part in parts:
        try:
            for sentence in part:
                found.append(sentence)
                if len(found) == MAX_FINDINGS:
                    return found
        except (Refused, Unavailable, sqlite3.Error) as error:
            found.append(str(error))
        except Exception as error:  # a damaged page gives values of any type,
            if not found:  # but then SQLite's own check has told
                raise
            found.append(f"database: what stands in it cannot be read ({error})")
    return found


def _pages(store: Store) -> Iterator[str]:
    for (answer,) in store.rows("PRAGMA integrity_check(20)"):
        if answer != "ok":
            yield f"database: {answer}"
