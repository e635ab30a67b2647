"""Status lists under the name that integrators look for; the list itself is the ledger's."""

from ledger_sync.status_list import StatusList

__all__ = ["StatusList"]
