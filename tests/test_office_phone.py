"""The office enrols what a phone shows, in every way it can arrive, and answers the phone."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from compound import key_named
from desk import NOW, judged, loaded, run
from hypothesis import given
from hypothesis import strategies as st

from appliance.passes import code, phone_text, token
from hw.camera.files import picture
from hw.codes import Scanner
from hw.sim import album
from hw.sim.optics import Shot
from hw.sim.photos import photograph
from ledger_sync import base45, cbor
from ledger_sync.errors import Refused
from ledger_sync.keys import ED25519, ES256

PAGE = "https://wallet.example/yard/"


def answer_in(said):
    """The pass on the first line of what was said, and what invites it may give."""
    text = said.stdout.split("\n")[0]
    assert text.startswith("YPP1:")
    held, *limits = cbor.decode(base45.decode(text[5:]))
    return cbor.encode(held), limits


def pass_in(said):
    return answer_in(said)[0]


def as_text(text):
    return text


def as_file(text):
    Path("phone.txt").write_text(f"{text}\r\n")
    return "phone.txt"


def as_picture(text):
    album.save(photograph(text, Shot(dots=20, black=0.01, side=0.5), seed=1), Path("phone.png"))
    return "phone.png"


@pytest.mark.parametrize("alg", [ED25519, ES256])
@pytest.mark.parametrize("way", [as_text, as_file, as_picture])
def test_what_a_phone_shows_becomes_a_pass_that_opens(desk, alg, way):
    key = key_named("phone", alg)
    given = way(phone_text.of_key(key.public).decode())

    held = pass_in(run("office", "enrol", "Okafor", "--phone", given))

    shown = code.by_reference(token.handle_of(held), audience="yp:hz07", issued_at=NOW, key=key)
    Path("shown.txt").write_bytes(shown)
    loaded()
    assert judged("shown.txt") == ["GREEN OPEN"]


def test_the_phone_is_told_what_invites_the_rule_lets_it_give(desk):
    text = phone_text.of_key(key_named("phone").public).decode()
    usual = run("office", "enrol", "Okafor", "--phone", text)
    Path("rule.json").write_text('{"invites": {"keyed_seconds": 7200, "uses": 3}}')
    run("office", "rule", "rule.json")

    again = run("office", "issue", "Okafor", "--phone")
    staff = run("office", "enrol", "Mei", "--phone", text, "--class", "staff")

    assert answer_in(usual)[1] == [43_200, 14_400, 20]
    assert answer_in(again) == (pass_in(usual), [7_200, 14_400, 3])
    assert answer_in(staff)[1] == [0, 0, 0]


def test_a_rule_that_cannot_be_read_keeps_no_phone_from_its_pass(desk, monkeypatch):
    def refuse(*given):
        raise Refused("a rule of a later version")

    monkeypatch.setattr("appliance.office.giving.site_rule.read", refuse)
    text = phone_text.of_key(key_named("phone").public).decode()
    said = run("office", "enrol", "Okafor", "--phone", text)

    assert base45.decode(said.stdout.split("\n")[0][5:])[0] == 0xD2  # the pass alone, tag 18


def test_the_text_may_come_from_a_pipe(desk):
    key = key_named("phone")
    text = phone_text.of_key(key.public) + b"\n"
    assert pass_in(run("office", "enrol", "Okafor", "--phone", "-", input=text))


def test_the_answer_is_a_picture_of_the_text_or_of_the_link(desk):
    given = ("--phone", phone_text.of_key(key_named("phone").public).decode())

    plain = run("office", "enrol", "Okafor", *given, "--print", "plain.png")
    linked = run("office", "enrol", "Mei", *given, "--print", "link.png", "--link", PAGE + "#x")

    text, link = linked.stdout.splitlines()
    scanner = Scanner()
    assert scanner.read(picture("plain.png").luma) == [plain.stdout.strip().encode()]
    assert scanner.read(picture("link.png").luma) == [link.encode()]
    scanner.close()
    assert link.startswith(f"{PAGE}#pass=")
    assert unquote(urlsplit(link).fragment) == f"pass={text}"
    assert " " not in link


def test_a_pass_is_shown_to_its_wallet_again_and_only_to_a_wallet(desk):
    given = ("--phone", phone_text.of_key(key_named("phone").public).decode())
    first = run("office", "enrol", "Okafor", *given, "--link", PAGE).stdout

    again = run("office", "issue", "Okafor", "--link", PAGE).stdout
    text = run("office", "issue", "Okafor", "--phone").stdout

    assert again == first
    assert text == first.splitlines()[0] + "\n"
    with pytest.raises(Refused, match="for no phone"):
        run("office", "issue", "Chen", "--phone")


@pytest.mark.parametrize(
    ("given", "reason", "said"),
    [
        ("YPK1:0", "R-FORM", "the text is not the enrolment code of a phone"),
        ("other.txt", "R-FOREIGN", r"other\.txt is not the enrolment code of a phone"),
        ("off.txt", "R-SIG", r"off\.txt is not the enrolment code"),
        ("poster.png", "R-FORM", "0 enrolment codes in the picture; take a sharper picture"),
    ],
)
def test_what_is_no_enrolment_code_enrols_nobody_and_says_why(desk, given, reason, said):
    Path("other.txt").write_text("YP1:00")
    album.save(photograph("HTTPS://EXAMPLE.COM", Shot(side=0.5), seed=1), Path("poster.png"))
    off = {1: 2, -1: 1, -2: bytes(32), -3: bytes(32)}
    Path("off.txt").write_text("YPK1:" + base45.encode(cbor.encode(off)))
    before = run("office", "list").stdout

    with pytest.raises(Refused, match=said) as refused:
        run("office", "enrol", "Okafor", "--phone", given)

    assert refused.value.reason == reason
    assert run("office", "list").stdout == before


def test_a_second_key_of_a_phone_may_come_from_its_wallet_too(desk):
    first, second = (phone_text.of_key(key_named(name).public).decode() for name in ("a", "b"))
    run("office", "enrol", "Okafor", "--phone", first)
    assert pass_in(run("office", "enrol", "Okafor", "--duress", "--phone", second))


@given(
    st.binary(max_size=300).map(lambda raw: phone_text.KEY_PREFIX + raw) | st.binary(max_size=40)
)
def test_any_bytes_are_a_key_of_one_spelling_or_refused(text):
    try:
        key = phone_text.key_in(text)
    except Refused as refused:
        assert refused.reason in ("R-FOREIGN", "R-FORM", "R-SIG")
    else:
        assert phone_text.of_key(key) == text
