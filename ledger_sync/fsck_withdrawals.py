"""The withdrawals' part of fsck.py: each row against what its host signed. FORMAT.md 7.10."""

from collections.abc import Iterator

from ledger_sync.errors import Refused
from ledger_sync.store import Store
from ledger_sync.withdrawals import MAX_OF_HOST, Verify, Withdrawn

_ROWS = "SELECT credential, issued_at, host, note FROM withdrawal ORDER BY credential"
_MANY = "SELECT host FROM withdrawal GROUP BY host HAVING count(*) > ? ORDER BY host"
_FORGOTTEN = ("R-UNKNOWN", "R-ISSUER")  # the pass of the host left the ledger after it was taken


def findings(store: Store, verify: Verify | None) -> Iterator[str]:
    """What is wrong with the withdrawals of a store, a sentence each."""
    for credential, issued_at, host, data in store.rows(_ROWS) if verify else ():
        assert verify is not None
        try:
            found = verify(bytes(data))
        except Refused as refused:
            if refused.reason not in _FORGOTTEN:
                yield f"withdrawal of {credential}: {refused}"
            continue
        if found != Withdrawn(credential, issued_at, host):
            yield f"withdrawal of {credential}: its text says otherwise"
    for (host,) in store.rows(_MANY, MAX_OF_HOST):
        yield f"withdrawal: more are kept of host {host} than are of one"
