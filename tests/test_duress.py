"""Who is forced to a gate opens it with a second key: that gate shows nothing, the others do."""

import json
import os
from pathlib import Path

import pytest
from compound import ANN, DAY, HOUR, NOW, OUT, B, C, outcome, person, show
from desk import NOW as LATER
from desk import iso, loaded, run
from stand import KEY, SECRET, Stand

from appliance.gate import words
from appliance.gate.assembly import open_terminal
from appliance.passes import code
from appliance.passes.token import handle_of
from appliance.settings import load
from hw.sim.relay import SimRelay
from ledger_sync import base45, cbor, entries, kinds
from ledger_sync.cards import Cards
from ledger_sync.clock import Reading
from ledger_sync.duress import duresses
from ledger_sync.keys import ED25519, ES256, SigningKey
from ledger_sync.replica import Replica
from ledger_sync.store import Store

FORCED = person("ann's second", subject="ann", idx=ANN.claims.idx + 1)
FORCED_P256 = person("ann's third", alg=ES256, subject="ann", idx=ANN.claims.idx + 2)
FORMS = pytest.mark.parametrize("form", [C, B])
SECOND = pytest.mark.parametrize("second", [FORCED, FORCED_P256], ids=["ed25519", "p256"])


def asking(who):
    """The entry of a pass whose key asks for help."""
    return who.enrolment()._replace(assurance=kinds.DURESS)


@pytest.fixture
def stands(tmp_path):
    """Two gates in all alike."""
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        stand = Stand(tmp_path / name)
        stand.compound.publish(asking(FORCED), asking(FORCED_P256))
        made.append(stand)
    yield made
    for stand in made:
        stand.store.close()


def told(stand, own=b"", now=NOW + 1):
    """What a peer that has the feeds of this gate tells."""
    stand.store.write("UPDATE feed SET own = 0")
    return duresses(stand.store, SECRET, own, now=now)


def said(outcome_):
    """All that anybody at the gate can be shown of a check."""
    facts, heard_at = outcome_.assessed.facts, NOW
    return (
        words.line(outcome_),
        words.document(outcome_.verdict, facts, outcome_.at, heard_at=heard_at, software="x"),
        words.sentence(outcome_.verdict, facts, words.Told(outcome_.at, heard_at)),
        facts.to_bytes(),
    )


# At the gate.


@FORMS
@SECOND
def test_a_gate_shows_and_records_nothing_that_tells_the_keys_apart(stands, form, second):
    one, two = stands

    usual, forced = one.terminal.present(show(form, ANN)), two.terminal.present(show(form, second))

    assert said(usual) == said(forced)
    assert forced.is_opened and forced.assessed.facts.assurance == 1
    assert one.relay.history == two.relay.history
    hidden = {"pseudonym", "digest", "carrier", "sealed"}
    (kept,), (there,) = one.checks(), two.checks()
    for name in set(kept._fields) - hidden:
        assert getattr(kept, name) == getattr(there, name), name
    assert kept.facts == usual.assessed.facts.to_bytes()


@FORMS
def test_neither_is_told_apart_when_the_person_is_revoked(stands, form):
    one, two = stands
    for stand in stands:
        both = ((ANN.claims.idx, 1), (FORCED.claims.idx, 1))
        stand.compound.publish(entries.Status(ANN.claims.uri, NOW, both))

    usual, forced = one.terminal.present(show(form, ANN)), two.terminal.present(show(form, FORCED))

    assert outcome(forced.verdict) == "RED DENY R-REVOKED"
    assert said(usual) == said(forced)
    assert told(two) == []


def test_a_gate_on_the_way_out_tells_as_little_and_peers_as_much(tmp_path):
    with Stand(tmp_path, OUT) as stand:
        stand.compound.publish(asking(FORCED))
        stand.terminal.present(show(C, FORCED))
        stand.terminal.close()

        assert [one.gate for one in told(stand)] == ["n"]


def test_no_reader_of_cards_knows_such_a_key(stands):
    cards = Cards(stands[0].store)

    assert cards.by_key(FORCED_P256.key.public) is None
    assert cards.by_key(FORCED.key.public) is None
    assert cards.keys() == []
    assert cards.by_number(handle_of(FORCED.token)) is None


@pytest.mark.parametrize("assurance", range(kinds.MAX_ASSURANCE + 1))
def test_what_the_ledger_states_is_what_a_gate_reads_but_for_keys_of_cards_and_duress(
    stands, assurance
):
    stand = stands[0]
    stand.compound.publish(ANN.enrolment()._replace(assurance=assurance))

    row = Replica(stand.store).enrolled(handle_of(ANN.token))

    if assurance in (kinds.CARD, kinds.CERTIFIED_CARD):
        assert row is None
    else:
        assert row.assurance == (1 if assurance == kinds.DURESS else assurance)


def test_a_bare_number_is_no_duress_key(stands):
    stand = stands[0]
    stand.compound.publish(FORCED.enrolment()._replace(assurance=kinds.DURESS, key=None))

    assert Replica(stand.store).enrolled(handle_of(FORCED.token)) is None
    assert told(stand) == []


# At the others.


@FORMS
@SECOND
def test_peers_tell_where_and_when(stands, form, second):
    stand = stands[0]
    stand.terminal.present(show(form, second))
    stand.terminal.close()

    assert told(stand) == [("n", "n", NOW)]
    assert told(stand, own=KEY.public.kid) == []


@FORMS
def test_an_ordinary_key_is_told_nowhere(stands, form):
    stand = stands[0]
    stand.terminal.present(show(form, ANN))
    stand.terminal.close()

    assert told(stand) == []


def test_a_terminal_says_nothing_of_its_own_feeds_under_whatever_key(stands):
    stand = stands[0]
    stand.terminal.present(show(C, FORCED))
    stand.terminal.close()

    assert duresses(stand.store, SECRET, b"", now=NOW) == []


def test_nobody_reads_it_without_the_site_s_secret(stands):
    stand = stands[0]
    stand.terminal.present(show(C, FORCED))
    stand.terminal.close()
    stand.store.write("UPDATE feed SET own = 0")

    assert duresses(stand.store, b"another", b"", now=NOW) == []


@pytest.mark.parametrize(("later", "count"), [(DAY - 1, 1), (DAY, 0), (9 * DAY, 0)])
def test_it_is_told_for_a_day(stands, later, count):
    stand = stands[0]
    stand.terminal.present(show(C, FORCED))
    stand.terminal.close()

    assert len(told(stand, now=NOW + later)) == count


def test_what_does_not_count_is_not_told(stands):
    stand = stands[0]
    stand.terminal.present(show(C, FORCED, NOW - HOUR))  # too old: red
    stand.reading = Reading(NOW, synchronised=False, error_seconds=99, has_chip=False)
    stand.terminal.present(show(C, FORCED))  # no clock
    stand.terminal.close()

    assert told(stand) == []


@pytest.mark.long
def test_each_of_many_checks_is_found_whatever_stands_around_it(stands):
    stand = stands[0]
    expected = []
    for number in range(600):
        at = NOW + number
        stand.reading = Reading(at, synchronised=True, error_seconds=1, has_chip=True)
        who = FORCED if number in (0, 255, 256, 300, 599) else ANN
        stand.terminal.present(show(C, who, at))
        expected += [("n", "n", at)] if who is FORCED else []
        if stand.feed.has_full_bundle:
            stand.terminal.rest()
    stand.terminal.close()

    assert told(stand, now=NOW + 600) == expected
    assert told(stand, now=NOW + DAY + 299) == expected[3:]


# From the office to the peer's screen.


PHONE, HELP = (SigningKey(ED25519, bytes([number]) * 32) for number in (1, 2))
OTHER = SigningKey(ES256, bytes([3]) * 32)


@pytest.fixture
def site(desk):
    """Two terminals; Li, who has a phone with two keys."""
    for name, key in (("first", PHONE), ("second", HELP), ("third", OTHER)):
        Path(name).write_bytes(cbor.encode(key.public.to_cose()))
    post = ["--name", "south-1", "--gate", "south", "--camera", "files", "--relay", "sim"]
    run("office", "terminal", "south-1", *post)
    run("office", "enrol", "Li", "--key", "first", "--class", "household", "--zone", "0")
    return desk


def enrol(main, name="Li", key="second", *more):
    return main("office", "enrol", name, "--key", key, "--duress", *more)


def token_of(answer):
    return base45.decode_ascii(answer[1].strip().encode()[4:])


def shared():
    loaded()
    run("ledger", "import", "public", "--site", "south-1")


def present(text, at=LATER, name="north-1"):
    """A gate of the site judges and records it; what its lines say."""
    settings = load(Path(name, "site.toml"))
    reading = Reading(at, synchronised=True, error_seconds=1, has_chip=True)
    relay = SimRelay(clock=lambda: 0)
    with open_terminal(
        settings, clock=lambda: reading, incarnation=os.urandom(8), relay=relay
    ) as terminal:
        return words.line(terminal.present(text))


def carried_over():
    run("ledger", "export", "stick", "--site", "north-1")
    run("ledger", "import", "stick", "--site", "south-1")


def status(main, name, *more):
    return main("ledger", "status", "--site", name, *more)


@pytest.mark.parametrize("form", [C, B])
def test_the_peer_shows_what_the_gate_itself_never_does(site, main, form):
    token = token_of(enrol(main))
    shared()
    before = [status(main, "north-1", *more) for more in ((), ("--json",))]
    forms = {"audience": "yp:hz07", "issued_at": LATER, "key": HELP}
    text = (
        code.by_reference(handle_of(token), **forms)
        if form is C
        else code.self_contained(token, **forms)
    )

    assert present(text).startswith("● GREEN")
    carried_over()

    assert [status(main, "north-1", *more) for more in ((), ("--json",))] == before
    said_ = status(main, "south-1")
    told_ = json.loads(status(main, "south-1", "--json")[1])["duress"]
    assert told_ == [{"terminal": "north-1", "gate": "north", "at": LATER}]
    when = iso(LATER)[:16].replace("T", " ")
    assert said_[2] == f"DURESS at north-1, gate north, {when} UTC: send help\n"
    assert said_[0] == 0


def test_the_first_key_shows_nothing_anywhere(site, main):
    enrol(main)
    first = run("office", "issue", "Li").stdout.strip().encode()
    shared()
    handle = handle_of(base45.decode_ascii(first[4:]))

    present(code.by_reference(handle, audience="yp:hz07", issued_at=LATER, key=PHONE))
    carried_over()

    assert status(main, "south-1")[2] == ""
    assert json.loads(status(main, "south-1", "--json")[1])["duress"] == []


def test_a_check_of_either_key_says_the_same(site, main):
    """`yardpass check`, in words and JSON."""
    first, second = (
        handle_of(base45.decode_ascii(run("office", "issue", "Li").stdout.strip().encode()[4:])),
        handle_of(token_of(enrol(main))),
    )
    shared()
    answers = []
    for handle, key in ((first, PHONE), (second, HELP)):
        text = code.by_reference(handle, audience="yp:hz07", issued_at=LATER, key=key)
        Path("code.txt").write_bytes(text)
        for more in ((), ("--json",)):
            shown = ("check", "code.txt", "--site", "north-1", "--at", iso(LATER), *more)
            answers.append(main(*shown))

    assert answers[:2] == answers[2:]
    assert answers[0][0] == 0


def test_the_second_pass_is_the_first_but_for_its_key(site, main):
    first = base45.decode_ascii(run("office", "issue", "Li").stdout.strip().encode()[4:])

    enrol(main)

    shared()
    with Store(load(Path("north-1/site.toml")).store) as store:
        rows = list(store.rows(
            "SELECT subject, klass, zones, issued_at, expires_at, kid, assurance FROM pass"
            " WHERE subject = (SELECT subject FROM pass WHERE handle = ?) ORDER BY assurance",
            int.from_bytes(handle_of(first), "big", signed=True),
        ))  # fmt: skip
    assert rows[0][:-1] == rows[1][:-1]
    assert [row[-1] for row in rows] == [1, kinds.DURESS]


@pytest.mark.parametrize("more", [(), ("--carrier", "key")])
@pytest.mark.parametrize("verb", ["suspend", "revoke"])
def test_both_keys_end_together(site, main, verb, more):
    enrol(main)

    told_ = run("office", verb, "Li", *more).stdout

    assert told_.startswith(f"{verb}: 2 pass(es) of Li")
    rows = json.loads(run("office", "list", "--json").stdout)
    assert len({one["status"] for one in rows if one["resident"] == "Li"}) == 1


def test_the_office_issues_the_first_pass_again_and_never_the_second(site, main):
    before = run("office", "issue", "Li").stdout
    enrol(main)

    assert run("office", "issue", "Li").stdout == before


@pytest.mark.parametrize(
    ("name", "key", "why"),
    [
        ("Bo", "second", "no pass of 'Bo' on a phone is in force"),
        ("Chen", "second", "no pass of 'Chen' on a phone is in force"),  # a printed one
        ("Li", "first", "this key has a pass already"),
    ],
)
def test_who_has_no_first_key_or_gives_it_again_gets_no_second(site, main, name, key, why):
    before = run("office", "list", "--json").stdout

    status_, out, told_ = enrol(main, name, key)

    assert (status_, out) == (1, "") and why in told_
    assert run("office", "list", "--json").stdout == before


@pytest.mark.parametrize("verb", ["revoke", "suspend", "condition"])
def test_who_is_not_in_force_without_condition_gets_no_second_key(site, main, verb):
    run("office", verb, "Li")

    assert "is in force" in enrol(main)[2]


def test_a_phone_of_another_kind_of_key_may_have_one_too(site, main):
    assert enrol(main, "Li", "third")[0] == 0
