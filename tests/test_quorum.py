"""The whole grammar of C2SP tlog-policy, and what its quorums mean."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yard import NOW, Signer, Yard, log_of

from ledger_sync import note, quorum
from ledger_sync.errors import Refused
from ledger_sync.note import Verifier, open_note
from ledger_sync.quorum import Group, parse_policy

LOG = log_of("example.com/log")
NAMES = ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
WITNESSES = {name: Signer(name) for name in NAMES}
LINES = "".join(f"witness {name} {one.vkey}\n" for name, one in WITNESSES.items())
X1, X2 = (f"witness {name} {WITNESSES[name].vkey}\n" for name in ("X1", "X2"))
KEY = WITNESSES["X1"].vkey
KEY_TWIN = Verifier("another-name", note.COSIGNER_KEY, WITNESSES["X1"].verifier.public).to_vkey()
LOG_TWIN = Verifier("another-name", note.NOTE_KEY, LOG.verifier.public).to_vkey()

# The example of C2SP tlog-policy.md, with keys.
EXAMPLE = f"""log {LOG.vkey}

witness X1 {WITNESSES["X1"].vkey}
witness X2 {WITNESSES["X2"].vkey}
witness X3 {WITNESSES["X3"].vkey}
group X-witnesses 2 X1 X2 X3

witness Y1 {WITNESSES["Y1"].vkey}
witness Y2 {WITNESSES["Y2"].vkey}
witness Y3 {WITNESSES["Y3"].vkey}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def subsets(names):
    return [set(some) for count in range(len(names) + 1) for some in combinations(names, count)]


def test_the_example_of_the_specification_is_read():
    policy = parse_policy(EXAMPLE)

    assert policy.logs == (LOG.verifier,)
    assert policy.witnesses == {name: one.verifier for name, one in WITNESSES.items()}
    assert policy.groups == {
        "X-witnesses": Group(2, ("X1", "X2", "X3")),
        "Y-witnesses": Group(1, ("Y1", "Y2", "Y3")),
        "X-and-Y": Group(2, ("X-witnesses", "Y-witnesses")),
    }
    assert policy.quorum == "X-and-Y"
    assert policy.verifiers == [LOG.verifier, *(one.verifier for one in WITNESSES.values())]
    assert parse_policy(EXAMPLE.encode()) == policy


@pytest.mark.parametrize("signers", subsets(NAMES), ids=lambda some: " ".join(sorted(some)))
def test_the_example_needs_two_of_x_and_one_of_y(signers):
    enough = len(signers & {"X1", "X2", "X3"}) >= 2 and bool(signers & {"Y1", "Y2", "Y3"})

    assert parse_policy(EXAMPLE).satisfied(signers) == enough


@pytest.mark.parametrize(
    ("word", "needed"), [("any", 1), ("all", 6), *((str(count), count) for count in range(1, 7))]
)
def test_a_group_is_reached_by_as_many_members_as_it_says(word, needed):
    policy = parse_policy(f"{LINES}group g {word} {' '.join(NAMES)}\nquorum g\n")

    for signers in subsets(NAMES):
        assert policy.satisfied(signers) == (len(signers) >= needed)


def test_a_single_witness_can_be_the_quorum_and_strangers_count_nothing():
    policy = parse_policy(f"{LINES}group g 2 X1 X2\nquorum X3\n")

    assert policy.satisfied(["X3"])
    assert not policy.satisfied(["X1", "X2", "Y1", "stranger", "g", "none", ""])


@pytest.mark.parametrize("text", ["quorum none", "quorum none\n", f"{X1}quorum none\n"])
def test_a_quorum_of_none_needs_nobody(text):
    policy = parse_policy(text)

    assert policy.logs == () and policy.quorum == "none"
    assert policy.satisfied([])


def test_a_signer_named_twice_counts_once_and_a_group_cannot_sign():
    policy = parse_policy(f"{X1}{X2}group g all X1 X2\ngroup h any g\nquorum h\n")

    assert policy.satisfied(["X1", "X2"])
    assert not policy.satisfied(["X1", "X1"])
    assert not policy.satisfied(["g", "h"])


def test_white_space_comments_urls_and_odd_names_change_nothing():
    text = (
        f"\n# comment\n\t # another\n\twitness \t all  {KEY}   https://w1.example/  \n \t\n"
        f"log\t{LOG.vkey} any-url\n#\n  group\tgroup  1\tall\t\n quorum\tgroup \t"
    )

    policy = parse_policy(text)

    assert policy.groups == {"group": Group(1, ("all",))}
    assert policy.satisfied(["all"])


@pytest.mark.parametrize(
    "name", [b"\xe2\x84\xaa", b"\x80\xff", b"\xc2\xa0", b"\xe2\x80\xa8", b"#"]
)
def test_names_are_opaque_octets(name):
    # C2SP tlog-policy.md, "Character set": the Kelvin sign is not the letter K.
    text = b"witness %s %s\nwitness K %s\nquorum %s\n"
    keys = WITNESSES["X1"].vkey.encode(), WITNESSES["X2"].vkey.encode()

    policy = parse_policy(text % (name, keys[0], keys[1], name))

    assert policy.satisfied([name.decode("utf-8", "surrogateescape")])
    assert not policy.satisfied(["K"])


def test_comments_and_urls_may_hold_any_octet_above_the_control_characters():
    odd = bytes({*range(0x21, 0x7F), *range(0x80, 0x100)})

    policy = parse_policy(b"# %s\n%s %s\nquorum X1\n" % (odd, X1[:-1].encode(), odd))

    assert policy.satisfied(["X1"])


@pytest.mark.parametrize("octet", [*range(9), *range(11, 32), 127])
def test_control_characters_are_refused_even_in_a_comment(octet):
    with pytest.raises(Refused, match="control character"):
        parse_policy(b"quorum none\n#" + bytes((octet,)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        X1,
        "quorum\n",
        "quorum none none\n",
        "quorum none\nquorum none\n",
        f"{X1}quorum X1\nquorum X1\n",
        "quorum unknown\n",
        f"quorum X1\n{X1}",
        "Quorum none\n",
        "quibble\nquorum none\n",
        f"log\n{X1}quorum none\n",
        f"log {LOG.vkey} url more\nquorum none\n",
        "log garbage\nquorum none\n",
        f"log {LOG.vkey}\nlog {LOG.vkey} url\nquorum none\n",
        f"log {LOG_TWIN}\nlog {LOG.vkey}\nquorum none\n",
        f"log {KEY}\nquorum none\n",  # a cosigner's key type
        f"witness w {LOG.vkey}\nquorum w\n",  # a log's key type
        "log example.com+00000000+AwEB\nquorum none\n",
        "witness w1\nquorum none\n",
        f"witness w1 {KEY} url # comment\nquorum w1\n",
        f"witness none {KEY}\nquorum none\n",
        f"{X1}witness X1 {WITNESSES['X2'].vkey}\nquorum X1\n",
        f"{X1}witness twin {KEY}\nquorum X1\n",
        f"{X1}witness twin {KEY_TWIN}\nquorum X1",
        f"{X1}group X1 any X1\nquorum X1\n",
        f"{X1}{X2}group g any X1\ngroup g any X2\nquorum g\n",
        f"{X1}group g any\nquorum X1\n",
        f"{X1}group g\nquorum X1\n",
        f"{X1}group none any X1\nquorum none\n",
        f"{X1}group g any g\nquorum g\n",
        f"{X1}group g any none X1\nquorum g\n",
        f"{X1}group g any X2\nquorum g\n",
        f"group g any X1\n{X1}quorum g\n",
        f"{X1}group g all X1 X1\nquorum g\n",
        f"{X1}{X2}group g any X1 X2\ngroup h any X1\nquorum g\n",
        f"{X1}{X2}group g any X1\ngroup h any g\ngroup i any g\nquorum h\n",
        "witness \udc80 \udc80+00000000+AwEB\nquorum none\n",
        b"log \x80+00000000+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\nquorum none\n",
    ],
)
def test_a_policy_off_the_grammar_is_refused(text):
    with pytest.raises(Refused) as caught:
        parse_policy(text)

    assert caught.value.reason == "R-LEDGER"


@pytest.mark.parametrize(
    "word",
    [
        *("0", "3", "00", "01", "002", "+1", "-1", "1.0", "0x1", "1e0", "1_0", "", "ALL", "one"),
        *("٢", "²", "9" * 4, "9" * 5, "9" * 5000, "18446744073709551617"),
    ],
)
def test_a_threshold_is_a_plain_decimal_number_of_members(word):
    with pytest.raises(Refused):
        parse_policy(f"{X1}{X2}group g {word} X1 X2\nquorum g\n")


@pytest.mark.parametrize(("line", "number"), [("witness a b", 2), ("log x", 2), ("nothing", 2)])
def test_the_line_that_is_wrong_is_named(line, number):
    with pytest.raises(Refused, match=f"policy line {number}: "):
        parse_policy(f"# first\n{line}\nquorum none\n")


def test_a_policy_is_read_up_to_its_bounds():
    assert parse_policy("#" * (quorum.MAX_POLICY - 12) + "\nquorum none").quorum == "none"
    assert parse_policy("\n" * (quorum.MAX_LINES - 1) + "quorum none").quorum == "none"
    with pytest.raises(Refused, match="a policy of 65537"):
        parse_policy("#" * (quorum.MAX_POLICY - 11) + "\nquorum none")
    with pytest.raises(Refused, match="1025 policy lines"):
        parse_policy("\n" * quorum.MAX_LINES + "quorum none")


def test_32_logs_witnesses_and_groups_are_supported():
    logs = "".join(f"log {log_of(f'log{at}').vkey}\n" for at in range(32))
    witnesses = "".join(f"witness w{at} {Signer(f'w{at}').vkey}\n" for at in range(32))
    groups = "".join(f"group g{at} any {f'g{at - 1}' if at else 'w0'}\n" for at in range(32))

    policy = parse_policy(logs + witnesses + groups + "quorum g31\n")

    assert policy.satisfied(["w0"]) and not policy.satisfied(["w1"])


def test_the_cosigners_of_a_note_are_the_witnesses_by_their_names_in_the_policy():
    yard = Yard(cosigned={"committee": NOW, "stranger": NOW + 1, "integrator": NOW + 2})
    renamed = parse_policy(
        f"log {yard.log.vkey}\nwitness w1 {Signer('committee').vkey}\n"
        f"witness w2 {Signer('integrator').vkey}\nquorum w1\n"
    )

    opened = open_note(yard.note, renamed.verifiers)

    assert renamed.cosigners_of(opened) == {"w1": NOW, "w2": NOW + 2}
    assert renamed.cosigners_of(note.Note(opened.text, ())) == {}


@pytest.mark.parametrize(
    ("times", "reached"),
    [
        ({}, 0),
        ({"X1": 9}, 0),
        ({"X1": 9, "X2": 5}, 5),
        ({"X1": 9, "X2": 5, "X3": 7}, 7),
        ({"X1": 2**63 - 1, "X2": 5, "X3": 7}, 7),
        ({"X1": 9, "X2": 9, "X3": 1}, 9),
        ({"X1": 9, "stranger": 9}, 0),
    ],
)
def test_the_quorum_time_is_one_that_a_quorum_has_reached(times, reached):
    policy = parse_policy(f"{LINES}group g 2 X1 X2 X3\nquorum g\n")

    assert policy.quorum_time(times) == reached


def test_without_a_quorum_nobody_raises_the_time():
    assert parse_policy(f"{X1}quorum none\n").quorum_time({"X1": NOW}) == 0


@settings(max_examples=60, deadline=None)
@given(st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))
def test_more_signers_never_spoil_a_quorum(some, more):
    policy = parse_policy(EXAMPLE)

    assert policy.satisfied(some) <= policy.satisfied(some | more)
