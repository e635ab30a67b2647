"""The checks beside a ledger on a stick: written by `ledger export`, read by `ledger import`."""

from pathlib import Path

from appliance.gate.exchange import gossip_of
from appliance.gate.identity import HINT
from appliance.settings import Settings
from ledger_sync import stick
from ledger_sync.keyfile import read_key
from ledger_sync.store import Store


def put_checks(folder: Path, settings: Settings, store: Store) -> str:
    """Writes all checks and urgent notes of a terminal into the folder; what to say of it."""
    kid = read_key(settings.key, hint=HINT).public.kid
    count, urgent = stick.count(store), len(stick.urgent(store))
    if not count and not urgent:
        return ""
    stick.write(folder / stick.NAME, store, kid)
    notes = f", {urgent} notes (orders, denials, withdrawals)" if urgent else ""
    return f", and {count} entries of the terminals' feeds{notes}"


def take_checks(source: str, settings: Settings, store: Store) -> str:
    """Takes in the checks that the folder holds, if it does; what to say of it. Raises `Refused`
    for what no terminal wrote."""
    path = Path(source) / stick.NAME
    if not path.is_file():
        return ""
    return f"; checks: {stick.read(path, gossip_of(settings, store))} new"
