"""The console's eyes: what is new in a store, however it came there."""

import pytest
from compound import ANN, BOB, NOW, C, key_named, show
from diary import check
from stand import SECRET, Stand

from appliance.console import watch
from appliance.console.seen import seen_of
from appliance.console.watch import Watch
from appliance.policy.verdict import Colour
from ledger_sync import act
from ledger_sync.duress import Duress
from ledger_sync.entries import CALLS_HELP, MAY_ACT, Issuer
from ledger_sync.feed import Opening
from ledger_sync.store import Store


@pytest.fixture
def stand(tmp_path):
    with Stand(tmp_path) as made:
        yield made


@pytest.fixture
def eyes(stand):
    with Store(stand.compound.path) as store:
        yield Watch(store)


def colours(seen):
    return [one.colour for one in seen]


def test_a_check_is_seen_once_and_nothing_between(stand, eyes):
    assert eyes.look() == []
    stand.terminal.present(show(C, ANN))

    first, again = eyes.look(), eyes.look()
    stand.terminal.present(b"YP1:")

    assert colours(first) == [Colour.GREEN]
    assert first[0].terminal == "n" and first[0].gate == "n"
    assert again == []
    assert colours(eyes.look()) == [Colour.RED]


def test_what_was_logged_before_is_seen_at_the_first_look(stand, eyes):
    stand.terminal.present(show(C, ANN))
    stand.terminal.present(show(C, BOB))

    assert colours(eyes.look()) == [Colour.GREEN, Colour.GREEN]


def test_the_first_look_goes_back_so_far_and_later_ones_skip_what_nobody_can_read(
    stand, eyes, monkeypatch
):
    monkeypatch.setattr(watch, "BACKLOG", 2)
    monkeypatch.setattr(watch, "MOST", 3)
    stand.store.row("PRAGMA synchronous = OFF")
    for _ in range(5):
        stand.terminal.present(b"YP1:")
    first = eyes.look()
    for _ in range(7):
        stand.terminal.present(b"YP1:")

    assert (len(first), len(eyes.look())) == (2, 3)


def test_a_damaged_bundle_of_a_peer_hides_nothing_of_the_others(stand, eyes):
    number = stand.log.open_feed("yardpass/hz07/east/0000000000000001", b"o", NOW)
    stand.store.write("UPDATE feed SET size = 256 WHERE id = ?", number)
    stand.store.write("INSERT INTO feed_bundle VALUES (?, ?, ?)", number << 32, b"damaged", b"")
    stand.terminal.present(show(C, ANN))

    first = eyes.look()
    stand.terminal.present(b"YP1:")

    assert colours(first) == [Colour.GREEN]
    assert colours(eyes.look()) == [Colour.RED]


def test_each_check_says_the_version_that_made_it_over_an_update_and_at_every_gate(stand, eyes):
    feeds = {"n/08": "yardpass 0.0.9", "n/09": "yardpass 0.1.0", "east/0a": "yardpass 0.1.0"}
    for at, (name, software) in enumerate(feeds.items()):
        opening = Opening(bytes(32), at, b"", 0, software, 0).to_bytes()
        number = stand.log.open_feed(f"yardpass/hz07/{name}", opening, NOW)
        stand.log.append(number, 1, check(at=NOW, hlc=at + 1).to_bytes())
    first = eyes.look()
    stand.log.append(number, 2, check(at=NOW, hlc=9).to_bytes())

    assert [(one.terminal, one.software) for one in (*first, *eyes.look())] == [
        ("n", "yardpass 0.0.9"),
        ("n", "yardpass 0.1.0"),
        ("east", "yardpass 0.1.0"),
        ("east", "yardpass 0.1.0"),
    ]


def test_a_later_version_s_colour_is_passed_over():
    entry = check()._replace(colour=3).to_bytes()

    assert seen_of("n", entry).colour is Colour.RED
    assert seen_of("n", entry[:1] + bytes([0xEE]) + entry[2:]) is None


def test_of_many_feeds_the_first_look_reads_the_newest(stand, eyes, monkeypatch):
    monkeypatch.setattr(watch, "FEEDS", 1)
    stand.terminal.present(b"YP1:")
    newer = stand.log.open_feed("yardpass/hz07/n/09", b"o", NOW)
    stand.log.append(newer, 1, check(at=NOW, hlc=9).to_bytes())

    first = eyes.look()
    stand.terminal.present(b"YP1:")

    assert [one.hlc for one in first] == [9]
    assert len(eyes.look()) == 1


def test_a_terminal_whose_time_is_ahead_comes_before_nobody(stand):
    with Store(stand.compound.path) as store:
        eyes = Watch(store, now=lambda: NOW)
        entry = check(hlc=2**63).to_bytes()
        stand.log.append(stand.recorder.number, 1, entry)

        (seen,) = eyes.look()

        assert seen.hlc == (NOW + 300) * 1_000 << 16


def test_calls_for_help_are_heard_as_they_come_and_not_of_this_terminal(stand):
    forced = key_named("forced")
    stand.compound.publish(
        Issuer("anna", forced.public, NOW - 9, NOW + 9, 0, MAY_ACT | CALLS_HELP)
    )
    deed = act.Deed(NOW, act.Kind.BEGIN, "-", "n")
    with Store(stand.compound.path) as store:
        eyes = Watch(store, SECRET, now=lambda: NOW)
        stand.recorder.act(act.sign("yardpass/hz07", deed, [forced]), b"", NOW)
        eyes.look()
        assert eyes.calls() == []
    stand.store.write("UPDATE feed SET own = 0, size = 2")
    with Store(stand.compound.path) as store:
        eyes = Watch(store, SECRET, now=lambda: NOW)
        eyes.look()
        assert (eyes.calls(), eyes.calls()) == ([Duress("n", "n", NOW)], [])
