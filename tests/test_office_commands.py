"""The office at its command line: the whole way to a judged print, and every way to be refused."""

import json
import os
import re
import shutil
import stat
import subprocess
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import pytest
from compound import key_named
from desk import NOW, ORIGIN, POST, RESTORE, SIZE, YARDPASS, iso, judged, loaded, run, snapshot

from appliance.office import terminal_kit
from appliance.office.office import Office
from appliance.passes import code, token
from hw.camera.files import picture
from hw.codes import Scanner
from ledger_sync import base45, cbor, keyfile, passphrase
from ledger_sync.cose import open1
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keys import ED25519, ES256

WORDS = "correct horse battery"
CHEAP = passphrase.Cost(1, passphrase.MIN_MEM)
LOST = {
    "office.toml": (["office", "list"], "make an office with: yardpass office init"),
    "book.db": (["office", "enrol", "Okafor"], RESTORE),
    "signed.note": (["office", "enrol", "Okafor"], RESTORE),
    "keys/issuer.key": (["office", "enrol", "Okafor"], RESTORE),
    "site.secret": (["office", "terminal", "new", *POST], RESTORE),
    "genesis.policy": (["office", "terminal", "new", *POST], RESTORE),
    "keys/log-1.key": (["office", "publish", "new"], RESTORE),
    "keys/root-1.key": (["office", "rotate"], RESTORE),
    "keys/root-2.key": (["office", "rotate"], RESTORE),
    "keys/log-2.key": (["office", "rotate", "--new-log"], RESTORE),
}


def failing(*_):
    raise Unavailable("the disk is full; free disk space")


def test_a_printed_pass_goes_the_whole_way_from_init_to_green(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.time", lambda: NOW)

    steps = [
        run("office", "init", "--site", "hz07"),
        run("office", "enrol", "Chen, flat 40", "--print", "chen.png"),
        run("office", "terminal", "north-1", *POST),
        run("office", "publish", "public"),
        run("ledger", "import", "public", "--site", "north-1"),
        run("ledger", "status", "--site", "north-1"),
        run("check", "chen.png", "--site", "north-1", "--at", iso(NOW)),
    ]

    assert [step.exit_code for step in steps] == [0] * 7
    assert [bool(re.search("(?m)(^|; )next: ", step.output)) for step in steps[:4]] == [True] * 4
    assert steps[5].stdout.startswith(f"{ORIGIN}: {SIZE} entries, 1 passes, 0 s old\npolicy 1, ")
    assert steps[6].stdout.startswith("chen.png: ● GREEN")
    scanner = Scanner()
    assert scanner.read(picture("chen.png").luma) == [steps[1].stdout.strip().encode()]
    scanner.close()


def test_everybody_is_told_the_same_name_of_the_policy_to_compare(desk):
    made = run("office", "init", "--site", "bj01", "--office", "other").stdout
    post = ("--office", "other", *POST)
    kit = run("office", "terminal", "south", *post).stdout
    whole = json.loads(run("ledger", "status", "--site", "south", "--json").stdout)["genesis"]

    (first,), (second,) = (re.findall("genesis policy ([0-9a-f ]+)", text) for text in (made, kit))

    assert first.split() == second.split()
    assert whole.startswith(first.replace(" ", ""))
    assert len(first.split()) == 8
    assert f"genesis {whole[:32]}\n" in run("ledger", "status", "--site", "south").stdout


@pytest.mark.parametrize("alg", [ED25519, ES256])
@pytest.mark.parametrize("spelling", [bytes, lambda raw: raw.hex().upper().encode() + b"\r\n"])
def test_a_holder_key_may_be_bytes_or_hex(desk, alg, spelling):
    key = key_named("phone", alg)
    Path("phone").write_bytes(spelling(cbor.encode(key.public.to_cose())))

    held = base45.decode(run("office", "enrol", "Okafor", "--key", "phone").stdout[4:].strip())

    shown = code.by_reference(token.handle_of(held), audience="yp:hz07", issued_at=NOW, key=key)
    Path("shown.txt").write_bytes(shown)
    loaded()
    assert judged("shown.txt") == ["GREEN OPEN"]


@pytest.mark.parametrize("status", ["revoke", "suspend", "condition"])
def test_a_status_is_counted_listed_and_taken_back(desk, status):
    run("office", "enrol", "Chen")

    said = run("office", status, "Chen").stdout
    listed = [row["status"] for row in json.loads(run("office", "list", "--json").stdout)]
    words = run("office", "list").stdout

    assert said == f"{status}: 2 pass(es) of Chen; next: yardpass office publish\n"
    assert listed == [{"revoke": 1, "suspend": 2, "condition": 3}[status]] * 2
    assert words.count({"revoke": "revoked", "suspend": "suspended"}.get(status, status)) == 2
    if status != "revoke":
        assert run("office", "reinstate", "Chen").exit_code == 0
        assert run("office", "list").stdout.count("in force") == 2


def test_a_rule_reaches_the_gate_and_one_with_faults_lists_them_all(desk, main):
    Path("rule.json").write_text('{"static": "yellow"}')
    Path("bad.json").write_text('{"static": "blue", "fresh_seconds": 1, "new": 2}')

    said = run("office", "rule", "rule.json").stdout
    loaded()
    before = snapshot(desk / "office")
    status, _, why = main("office", "rule", "bad.json")

    assert re.fullmatch(r"rule [0-9a-f]{16}; next: yardpass office publish\n", said)
    assert judged("chen.txt") == ["YELLOW ASK Y-IDCHECK"]
    assert (status, why.count("\n")) == (1, 1)
    assert re.search("bad.json .*static: 'blue'.*fresh_seconds: 1 .*'new': unknown", why)
    assert snapshot(desk / "office") == before


def test_a_picture_names_its_holder_in_the_svg_only_and_belongs_to_its_owner(desk):
    who = 'Chen <flat 40> & "sons"'

    for name in ("chen.svg", "chen.PNG", "chen.pdf"):
        assert f"wrote {name}\n" in run("office", "enrol", who, "--print", name).stderr

    (title,) = ElementTree.parse("chen.svg").iter("{http://www.w3.org/2000/svg}title")
    assert title.text.startswith(who)
    assert b"Chen" not in Path("chen.PNG").read_bytes()
    modes = {Path(name).stat().st_mode & 0o777 for name in ("chen.svg", "chen.PNG", "chen.pdf")}
    assert modes == {0o600}


def test_a_print_of_another_kind_enrols_nobody(desk, main):
    before = snapshot(desk)

    said = main("office", "enrol", "Okafor", "--print", "okafor.jpg")

    assert said == (1, "", "yardpass: okafor.jpg must end in .pdf, .png or .svg\n")
    assert snapshot(desk) == before


def test_a_print_that_cannot_be_written_still_gives_the_pass_that_was_enrolled(desk, main):
    status, text, why = main("office", "enrol", "Okafor", "--print", "none/okafor.png")

    assert status == 1
    assert "none/okafor.png cannot be written" in why
    Path("okafor.txt").write_text(text)
    loaded()
    assert judged("okafor.txt") == ["GREEN OPEN"]


@pytest.mark.parametrize("data", [b"", b"\xff" * 40, b"a1", bytes(2_000), cbor.encode({1: 1})])
def test_what_is_no_holder_key_is_named_and_enrols_nobody(desk, main, data):
    Path("phone").write_bytes(data)
    before = snapshot(desk)

    status, said, why = main("office", "enrol", "Okafor", "--key", "phone")

    assert (status, said, why.count("\n")) == (1, "", 1)
    assert why.startswith("yardpass: phone is ")
    assert snapshot(desk) == before


@pytest.mark.parametrize("name", LOST)
@pytest.mark.parametrize("damage", [None, b"", b"not what was here before" * 9])
def test_a_lost_file_is_one_sentence_with_the_next_step_and_nothing_half_done(
    desk, main, name, damage
):
    command, step = LOST[name]
    lost = desk / "office" / name
    lost.unlink() if damage is None else lost.write_bytes(damage)
    before = snapshot(desk)

    status, said, why = main(*command)

    step = step if damage is None else RESTORE
    assert (status, said, why.count("\n")) == (1, "", 1)
    assert re.match(f"yardpass: .*{name}.*; (or )?{step}$", why)
    assert snapshot(desk) == before


@pytest.mark.parametrize("command", [["enrol", "Okafor"], ["list"], ["publish", "new"]])
def test_an_office_without_the_lock_of_its_log_stops_until_it_was_looked_at(desk, main, command):
    Path("office/log.lock").unlink()
    before = snapshot(desk)

    status, said, why = main("office", *command)

    assert (status, said) == (1, "")
    assert why.startswith(
        "yardpass: no office/log.lock, which lies beside every log: was this one"
    )
    assert why.endswith(
        f" {RESTORE}; if this is the newest and no other is in use, run: touch office/log.lock\n"
    )
    assert snapshot(desk) == before


def test_a_second_command_is_turned_away_while_one_is_at_work(desk):
    with Office.open(Path("office")).authority.book():
        beside = subprocess.run(
            [YARDPASS, "office", "enrol", "Okafor"], capture_output=True, text=True, check=False
        )
    after = run("office", "enrol", "Okafor")

    step = "let it end or stop it (fuser office/log.lock names it), then try again"
    said = f"yardpass: another process has the log of office open; {step}\n"
    assert (beside.returncode, beside.stdout, beside.stderr) == (1, "", said)
    assert after.exit_code == 0


@pytest.mark.parametrize("name", ["No 1", 'n"\nzones = [', "é", "\udcff", "x" * 33, ""])
def test_a_terminal_of_a_wrong_name_is_not_made(desk, main, name):
    post = ["--name", name, "--gate", "NORTH"]

    status, said, why = main("office", "terminal", "new", *post, "--relay", "sim")

    assert (status, said) == (1, "")
    assert [line.split(" = ")[0].split(": ")[-1] for line in why.splitlines()] == [
        "terminal.name",
        "terminal.gate",
    ]
    assert list(Path("new").iterdir()) == []


def test_a_terminal_is_made_once(desk, main):
    before = snapshot(desk)

    status, _, why = main("office", "terminal", "north-1", *POST)

    assert status == 1
    assert re.search(r"north-1/.* exists; it is made once .* give a new folder", why)
    assert snapshot(desk) == before


def test_a_terminal_that_cannot_be_finished_leaves_what_was_there(desk, main, monkeypatch):
    Path("new").mkdir()
    Path("new/notes").write_text("mine")

    with monkeypatch.context() as patch:
        patch.setattr(terminal_kit, "_make_store", failing)
        status, _, why = main("office", "terminal", "new", *POST)

    assert (status, why) == (1, "yardpass: the disk is full; free disk space\n")
    assert [path.name for path in Path("new").iterdir()] == ["notes"]
    assert run("office", "gone", "north-1").exit_code == 0  # whose name it is
    assert run("office", "terminal", "new", *POST).exit_code == 0


def test_a_terminal_that_the_ledger_does_not_take_is_not_made(desk, main):
    Path("office/signed.note").write_bytes(b"damaged")
    before = snapshot(desk)

    status, _, why = main("office", "terminal", "new", *POST)

    assert status == 1
    assert why.endswith(f"; {RESTORE}\n")
    assert list(Path("new").iterdir()) == []
    assert snapshot(desk) == before


# Passes shown again, cards.


def test_issue_prints_the_same_pass_that_enrol_printed(desk):
    first = Path("chen.txt").read_text()

    again = run("office", "issue", "Chen")
    drawn = run("office", "issue", "Chen", "--print", "chen.png")

    assert (again.stdout, again.stderr) == (first, "")
    assert drawn.stdout == first
    scanner = Scanner()
    assert scanner.read(picture("chen.png").luma) == [first.strip().encode()]
    scanner.close()


@pytest.mark.parametrize("carrier", ["phone", "card"])
def test_a_pass_bound_to_a_key_is_issued_again_as_it_was(desk, carrier):
    key = key_named(carrier, ES256)
    Path("phone").write_bytes(cbor.encode(key.public.to_cose()))
    words = ("enrol", "Okafor", "--key", "phone")
    if carrier == "card":
        words = ("card", "Okafor", key.public.raw.hex())

    run("office", *words)
    first, again = (run("office", "issue", "Okafor").stdout for _ in range(2))

    assert first == again
    held = open1(base45.decode(first.strip().removeprefix("YP1:")))
    assert token.claims_of(held.payload).key == key.public


def test_nothing_is_issued_again_once_it_is_revoked(desk, main):
    run("office", "revoke", "Chen")

    refused = main("office", "issue", "Chen", "--print", "chen.png")

    why = "no pass of 'Chen' is in force; see: yardpass office list"
    assert refused == (1, "", f"yardpass: {why}\n")
    assert not Path("chen.png").exists()


def test_a_card_with_a_key_is_enrolled_and_makes_no_codes(desk):
    card = key_named("card", ES256)

    said = run("office", "card", "Okafor", card.public.raw.hex())

    bare = run("office", "issue", "Okafor").stdout
    held = base45.decode(bare.strip().removeprefix("YP1:"))
    assert said.stdout.startswith(f"{token.handle_of(held).hex()}: a card that proves its key; ")
    shown = code.by_reference(token.handle_of(held), audience="yp:hz07", issued_at=NOW, key=card)
    Path("shown").write_bytes(shown)
    Path("bare").write_text(bare)
    loaded()
    # A card signs whatever a reader asks of it: no code of its key counts, only taps do.
    assert judged("shown", "bare") == ["RED DENY R-UNKNOWN", "RED DENY R-PROOF"]
    listed = json.loads(run("office", "list", "--json").stdout)
    assert [row["carrier"] for row in listed] == ["print", "card"]


def test_a_bare_card_number_is_enrolled_and_is_no_code(desk, main):
    said = run("office", "card", "Okafor", "04A1b2c3d4e5f6")
    shown = main("office", "issue", "Okafor")
    loaded()

    assert said.exit_code == 0
    assert re.match(r"[0-9a-f]{16}: a bare card number, which proves nothing; next: ", said.stdout)
    assert (shown[0], "has no code to show" in shown[2]) == (1, True)
    Path("number").write_text("04a1b2c3d4e5f6")
    Path("handle").write_text(said.stdout.split(":")[0])
    assert judged("number", "handle") == ["RED DENY R-FOREIGN"] * 2


CARD_KEY = key_named("card", ES256).public.raw.hex()
BAD_CARDS = {
    "not hex": (["4711x"], 1, "'4711x' is not 1 to 65 bytes in hex"),
    "nothing": ([" "], 1, "' ' is not 1 to 65 bytes in hex"),
    "too long": (["00" * 66], 1, "is not 1 to 65 bytes in hex"),
    "no point": (["04" + "00" * 64], 1, "not a point of P-256"),
    "compressed": (["02" + "00" * 64], 1, "not a point of P-256"),
    "bits of another length": (["0102", "--bits", "17"], 1, "a number of 17 bits in 2 bytes"),
    "a number of a number": (["0102", "--number", "03"], 2, "are for a card with a key"),
    "a certified number": (["0102", "--certified"], 2, "are for a card with a key"),
    "a key to write": ([CARD_KEY, "--write"], 2, "needs no pass written to it"),
    "a key and no number": ([CARD_KEY, "--number", "xx"], 1, "'xx' is not 1 to 65 bytes"),
}


@pytest.mark.parametrize("name", BAD_CARDS)
def test_a_card_that_is_none_enrols_nobody(desk, main, name):
    options, exit_code, why = BAD_CARDS[name]
    before = snapshot(desk)

    refused = main("office", "card", "Okafor", *options)

    assert refused[:2] == (exit_code, "")
    assert why in refused[2]
    assert snapshot(desk) == before


def test_cards_are_drawn_for_all_prints_in_force(desk, main):
    run("office", "enrol", "Okafor")
    run("office", "enrol", "Gone")
    run("office", "revoke", "Gone")

    said = run("office", "cards", "cards.pdf")
    refused = main("office", "cards", "cards.png")

    assert said.stdout == "wrote cards.pdf, 2 cards; print it at 100 %\n"
    assert Path("cards.pdf").read_bytes().startswith(b"%PDF-")
    assert stat.S_IMODE(Path("cards.pdf").stat().st_mode) == 0o600
    assert refused == (1, "", "yardpass: cards.png must end in .pdf, to hold cards\n")


def test_a_name_that_no_font_can_show_is_told_and_its_card_is_drawn(desk):
    name = "\ue000 flat 3"

    made = run("office", "enrol", name, "--print", "one.pdf")
    drawn = run("office", "cards", "all.pdf")

    told = f"the card of {name!r} bears no name: no font here can show it, or it is too long\n"
    assert made.stderr.startswith(told)
    assert (drawn.stderr, drawn.stdout[:20]) == (told, "wrote all.pdf, 2 car")
    assert {Path(file).read_bytes()[:5] for file in ("one.pdf", "all.pdf")} == {b"%PDF-"}


def test_without_prints_in_force_no_cards_are_drawn(desk, main):
    run("office", "revoke", "Chen")

    refused = main("office", "cards", "cards.pdf")

    assert refused[:2] == (1, "")
    assert not Path("cards.pdf").exists()


# Sealed keys.


@pytest.fixture(scope="module")
def sealed_once(tmp_path_factory):
    """An office whose keys are sealed, with Chen and the terminal north-1, to be copied."""
    folder = tmp_path_factory.mktemp("sealed")
    (folder / "words").write_text(WORDS + "\n")
    (folder / "words").chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: NOW)
        patch.setitem(keyfile.write_key.__kwdefaults__, "cost", CHEAP)
        patch.setenv("YARDPASS_PASSPHRASE_FILE", str(folder / "words"))
        office = ("--office", folder / "office")
        assert run("office", "init", "--site", "hz07", "--passphrase", *office).exit_code == 0
        (folder / "chen.txt").write_text(run("office", "enrol", "Chen", *office).stdout)
        run("office", "terminal", folder / "north-1", *POST, *office)
    (folder / "roll.csv").write_text("resident\nDiaz\n")
    (folder / "rule.json").write_text("{}")
    return folder


@pytest.fixture
def sealed(sealed_once, tmp_path, monkeypatch):
    """The folder the user stands in; the passphrase is in the file `words`."""
    monkeypatch.setitem(keyfile.write_key.__kwdefaults__, "cost", CHEAP)
    shutil.copytree(sealed_once, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.time", lambda: NOW)
    monkeypatch.setenv("YARDPASS_PASSPHRASE_FILE", "words")
    return tmp_path


NEED_A_KEY = {
    "enrol": ("issuer", ["enrol", "Okafor"]),
    "enrol a card": ("issuer", ["card", "Okafor", "010203"]),
    "import": ("issuer", ["import", "roll.csv"]),
    "baseline": ("issuer", ["baseline"]),
    "deny": ("issuer", ["deny", "Chen", "chen.deny"]),
    "order": ("issuer", ["order", "lockdown", "gates.order"]),
    "publish": ("log-1", ["publish", "public"]),
    "draft": ("log-1", ["publish", "public", "--draft"]),
    "rotate": ("root-1", ["rotate"]),
    "issuer": ("root-1", ["issuer", "guard", "--deny-only"]),
}


def plain_keys(folder):
    """The files below that hold a key which anybody can use who reads it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if path.read_bytes().startswith(b"yardpass-key 1")]


def test_sealed_keys_work_through_every_command(sealed):
    steps = [run("office", *arguments) for _, arguments in NEED_A_KEY.values()]
    steps += [run("office", "issuer", "kiosk", "--passphrase")]
    steps += [*loaded(), run("office", "rotate", "--passphrase", "--new-log"), *loaded()]
    steps += [run("office", "rotate", "--local", "committee", "--quorum", "1"), *loaded()]

    assert [step.exit_code for step in steps] == [0] * len(steps)
    assert judged("chen.txt") == ["GREEN OPEN"]
    keys = {path.stem: path.read_bytes() for path in Path("office/keys").iterdir()}
    stems = {f"{kind}-{number}" for kind in ("root", "log") for number in (1, 2, 3)}
    named = {"auditor", "issuer", "issuer-guard", "issuer-kiosk", "root-4", "root-5"}
    assert keys.keys() == {*named, *stems}
    assert {data[:32] for data in keys.values()} == {b"yardpass-key 2 ed25519 argon2id "}
    assert plain_keys(Path("office")) == []
    modes = {stat.S_IMODE(path.stat().st_mode) for path in Path("office").rglob("*.key")}
    assert modes == {0o600}


def test_a_new_key_of_a_sealed_office_opens_with_its_passphrase_and_no_other(sealed):
    made = [run("office", "rotate"), run("office", "issuer", "kiosk")]

    assert [one.exit_code for one in made] == [0, 0]
    for name in ("root-3", "issuer-kiosk"):
        path = Path(f"office/keys/{name}.key")
        assert keyfile.read_key(path, hint="", passphrase=lambda _: WORDS)
        with pytest.raises(Refused, match="wrong passphrase"):
            keyfile.read_key(path, hint="", passphrase=lambda _: f"{WORDS}!")


def test_a_crafted_key_of_a_sealed_office_is_refused_before_anybody_is_asked(
    sealed, main, monkeypatch
):
    path = Path("office/keys/root-1.key")
    path.write_text(path.read_text().replace(" 1 8192 ", " 17 8192 "))
    monkeypatch.delenv("YARDPASS_PASSPHRASE_FILE")
    before = snapshot(sealed)

    refused = main("office", "issuer", "kiosk")

    assert refused[:2] == (1, "")
    assert "root-1.key is not a key file: argon2id with 17 passes" in refused[2]
    assert snapshot(sealed) == before


@pytest.mark.parametrize(
    ("command", "key"), [(["rotate"], "root-3"), (["issuer", "kiosk"], "issuer-kiosk")]
)
def test_a_sealed_office_leaves_a_key_plain_only_if_told(sealed, main, command, key):
    both = main("office", *command, "--plain", "--passphrase")
    told = main("office", *command, "--plain")

    assert (both[0], "give --passphrase or --plain, not both" in both[2]) == (2, True)
    assert told[0] == 0
    assert plain_keys(Path("office")) == [Path(f"office/keys/{key}.key")]


def test_a_plain_office_seals_what_it_is_told_to_and_nothing_else(desk, monkeypatch):
    monkeypatch.setitem(keyfile.write_key.__kwdefaults__, "cost", CHEAP)
    Path("words").write_text(WORDS)
    Path("words").chmod(0o600)
    monkeypatch.setenv("YARDPASS_PASSPHRASE_FILE", "words")
    before = {path.name for path in plain_keys(Path("office"))}

    run("office", "issuer", "kiosk", "--passphrase")  # to be taken elsewhere
    run("office", "issuer", "guard")
    run("office", "rotate", "--new-log")
    loaded()
    run("office", "rotate", "--passphrase")

    after = {path.name for path in plain_keys(Path("office"))}
    assert after - before == {"issuer-guard.key", "root-3.key", "log-3.key"}
    sealed = {path.name for path in Path("office/keys").iterdir()} - after
    assert sealed == {"issuer-kiosk.key", "root-4.key"}


def test_a_cosigner_of_a_sealed_office_signs_with_its_passphrase(sealed, main):
    run("office", "publish", "public", "--draft")
    folder = "office/cosigners/committee"

    right = main("office", "cosign", folder, "public")
    Path("words").write_text("another passphrase")
    wrong = main("office", "cosign", folder, "public")

    assert (right[0], right[1][:2]) == (0, "— ")
    assert wrong == (1, "", f"yardpass: wrong passphrase for {folder}/cosigner.key\n")


@pytest.mark.parametrize("name", NEED_A_KEY)
def test_a_wrong_passphrase_is_refused_and_nothing_is_written(sealed, main, name):
    key, arguments = NEED_A_KEY[name]
    Path("words").write_text("another passphrase")
    before = snapshot(sealed)

    refused = main("office", *arguments)

    assert refused == (1, "", f"yardpass: wrong passphrase for office/keys/{key}.key\n")
    assert snapshot(sealed) == before


@pytest.mark.parametrize("name", NEED_A_KEY)
def test_without_a_passphrase_and_a_terminal_to_ask_on_nothing_is_written(
    sealed, main, monkeypatch, name
):
    key, arguments = NEED_A_KEY[name]
    before = snapshot(sealed)
    monkeypatch.delenv("YARDPASS_PASSPHRASE_FILE")

    refused = main("office", *arguments)

    step = "give its passphrase: set YARDPASS_PASSPHRASE_FILE or run on a terminal"
    assert refused == (1, "", f"yardpass: office/keys/{key}.key is sealed; {step}\n")
    assert snapshot(sealed) == before


@pytest.mark.parametrize(
    "command",
    [
        ["revoke", "Chen"],
        ["list"],
        ["issue", "Chen"],
        ["cards", "cards.pdf"],
        ["rule", "rule.json"],
        ["gone", "north-1"],
        ["terminal", "south-1", "--name", "south-1", *POST[2:]],
    ],
    ids=" ".join,
)
def test_what_signs_nothing_asks_for_no_passphrase(sealed, main, monkeypatch, command):
    monkeypatch.delenv("YARDPASS_PASSPHRASE_FILE")

    assert main("office", *command)[0] == 0


@pytest.mark.parametrize("words", ["short", "", "two\nlines", "x" * 1_025])
def test_a_passphrase_that_is_none_makes_no_office(sealed, main, words):
    Path("words").write_text(words)

    refused = main("office", "init", "--site", "hz07", "--office", "new", "--passphrase")

    assert refused[:2] == (1, "")
    assert not Path("new").exists()


def test_a_sealed_cosigner_cosigns_with_its_passphrase_only(sealed, main):
    party = run("office", "cosigner", "anna", "--name", "anna", "--site", "hz07", "--passphrase")
    options = ("--site", "hz07", "--office", "new", "--cosigner", party.stdout.strip())
    run("office", "init", *options)
    run("office", "publish", "drafts", "--draft", "--office", "new")
    genesis = ("--genesis", "new/genesis.policy")
    Path("words").write_text("another passphrase")

    wrong = main("office", "cosign", "anna", "drafts", *genesis, "--out", "anna.sig")
    Path("words").write_text(WORDS)
    right = main("office", "cosign", "anna", "drafts", "--out", "anna.sig")
    made = main("office", "publish", "out", "--office", "new", "--cosignature", "anna.sig")

    assert wrong == (1, "", "yardpass: wrong passphrase for anna/cosigner.key\n")
    assert (right[0], made[0]) == (0, 0)


def test_a_passphrase_is_asked_for_on_a_terminal_and_not_shown(sealed):
    ours, theirs = os.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "YARDPASS_PASSPHRASE_FILE"}
    with subprocess.Popen(
        [YARDPASS, "office", "enrol", "Okafor"],
        stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, env=environment,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        while not shown.endswith(b": "):
            shown += os.read(ours, 4_096)
        os.write(ours, WORDS.encode() + b"\n")
        text = process.stdout.read()
        with suppress(OSError):  # how the end of a terminal reads
            while data := os.read(ours, 4_096):
                shown += data
    os.close(ours)

    assert process.returncode == 0
    assert b"passphrase of office/keys/issuer.key: " in shown
    assert WORDS.encode() not in shown
    assert text.startswith(b"YP1:")


def test_keys_are_made_by_four_commands_and_by_no_other(desk):
    """A missing key is never made anew in passing: see also LOST."""
    before = {path: path.read_bytes() for path in Path().rglob("*.key")}
    Path("roll.csv").write_text("resident\nOkafor\n")
    Path("rule.json").write_text("{}")

    for command in (
        *(["enrol", "A"], ["import", "roll.csv"], ["baseline"], ["revoke", "A"], ["snapshot"]),
        *(["rule", "rule.json"], ["gone", "north-1"], ["publish", "public"], ["list"]),
        *(["issue", "Chen"], ["cards", "cards.pdf"], ["deny", "Chen", "chen.deny"]),
        *(["order", "free", "gates.order"], ["issuer", "yp:hz07", "--orders"]),
    ):
        assert run("office", *command).exit_code == 0, command
    after = {path: path.read_bytes() for path in Path().rglob("*.key")}
    run("office", "issuer", "kiosk")
    run("office", "rotate", "--new-log")
    run("office", "cosigner", "anna", "--name", "anna", "--site", "hz07")
    made = {path for path in Path().rglob("*.key")} - before.keys()

    assert after == before
    assert sorted(path.name for path in made) == [
        *("cosigner.key", "issuer-kiosk.key", "log-3.key", "root-3.key")
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in Path().rglob("*.key")} == {0o600}
