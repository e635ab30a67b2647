"""A resident's word that an invite is taken back, handed to the office as a text."""

from pathlib import Path

import pytest
from desk import NOW, judged, loaded, run

from appliance.passes import code, invite
from appliance.passes.invite import Invite
from appliance.passes.token import handle_of
from appliance.settings import load
from ledger_sync import cbor
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.store import Store
from ledger_sync.withdrawals import Withdrawals

HOST, CTI = SigningKey(ED25519, bytes(range(32))), b"visit001"
TAKE = ("ledger", "withdraw", "back.txt", "--site", "north-1")


@pytest.fixture
def host(desk):
    """How an enrolled resident with a phone names her pass."""
    Path("key").write_bytes(cbor.encode(HOST.public.to_cose()))
    text = run("office", "enrol", "Li", "--key", "key").stdout.strip().encode()
    loaded()
    return invite.by_handle(handle_of(code.base45.decode_ascii(text[4:])))


def written(host, at=NOW):
    token = invite.revocation(CTI, issued_at=at, host=host, key=HOST)
    Path("back.txt").write_bytes(code.to_text(token) + b"\n")
    return invite.credential_of(next(iter(host.values())), CTI).hex()


def shown(host):
    """The printed invite, and what the terminal says of it."""
    claims = Invite(NOW - 60, NOW + 3600, CTI, None, None, 1, 1)
    Path("invite.txt").write_bytes(invite.bearer(invite.invite(claims, host=host, key=HOST)))
    return judged("invite.txt")


def test_a_text_that_takes_an_invite_back_is_in_effect_at_once(host, main):
    assert shown(host) == ["GREEN OPEN"]
    name = written(host)

    assert main(*TAKE) == (0, f"the invite {name} is taken back\n", "")

    assert shown(host) == ["RED DENY R-WITHDRAWN"]
    assert run("ledger", "fsck", "--site", "north-1").exit_code == 0


def test_a_stick_takes_it_along_and_says_so(host):
    written(host)
    run(*TAKE)

    said = run("ledger", "export", "stick", "--site", "north-1").stdout

    assert "1 notes (orders, denials, withdrawals)" in said
    with Store(load(Path("north-1/site.toml")).store) as store:
        store.write("DELETE FROM withdrawal")
    run("ledger", "import", "stick", "--site", "north-1")
    assert shown(host) == ["RED DENY R-WITHDRAWN"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "not a Yardpass code"),
        (b"YP1:", "no invite is taken back"),
        (b"x" * 2_000, "longer than 1026 bytes"),
    ],
)
def test_another_text_is_refused_with_its_name_and_changes_nothing(host, main, text, why):
    Path("back.txt").write_bytes(text)

    code_, out, told = main(*TAKE)

    assert (code_, out) == (1, "")
    assert told.startswith("yardpass: ") and "back.txt" in told and why in told
    with Store(load(Path("north-1/site.toml")).store) as store:
        assert Withdrawals(store).notes() == []


def test_a_file_that_is_not_there_says_who_makes_it(host, main):
    code_, _, told = main(*TAKE)

    assert code_ == 1 and "the phone of the host shows the text" in told


def test_a_withdrawal_from_ahead_of_time_is_refused(host, main):
    written(host, NOW + 301)

    assert f"it is {NOW} here" in main(*TAKE)[2]
