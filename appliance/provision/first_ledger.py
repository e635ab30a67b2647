"""The store of a new box, with the ledger that was brought in it: verified as from any other
source. The office makes one as well, to know before a journey that a box will take it."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from appliance.version import BUILD_TIME
from ledger_sync.archive import ArchiveSource
from ledger_sync.errors import Refused
from ledger_sync.mirror import Mirror
from ledger_sync.replica import Replica
from ledger_sync.store import Store
from ledger_sync.trust import Trust

Now = Callable[[], int]


def make_store(path: Path, origin: str, ledger: Path | None, trust: Trust, now: Now) -> int:
    """Makes the store and says how many entries it holds. Raises `Refused` (R-LEDGER) with the
    file's name, `Unavailable` if one of them cannot be read or written."""
    with Store.create(path, origin=origin, floor=BUILD_TIME, mode=0o660) as store:
        path.chmod(0o660)  # whatever the umask: several users of its folder's group write it
        replica = Replica(store)
        if ledger is not None:
            _take_in(ledger, Mirror(replica, pinned=trust, now=now), origin)
        return replica.ledger().size


def _take_in(ledger: Path, mirror: Mirror, origin: str) -> None:
    try:
        with closing(ArchiveSource(ledger)) as source:
            mirror.update(source)
    except Refused as refused:
        what = f"{ledger} is not a ledger of {origin} that this policy vouches for ({refused})"
        step = "write it anew at this office: yardpass office publish ledger.yardpass"
        raise Refused(f"{what}; {step}", reason=refused.reason) from None
