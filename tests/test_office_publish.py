"""Who believes an office, by its commands: rotations, cosigners elsewhere, copies put back."""

import re
import shutil
import stat
import time
from pathlib import Path

import pytest
from desk import NOW, ORIGIN, POST, RESTORE, SIZE, iso, judged, loaded, run, snapshot, status

from appliance.office.moment import MOST_AHEAD
from ledger_sync import cbor, deny, keyfile
from ledger_sync.authority.cosigner import Cosigner
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keys import ED25519, ES256, SigningKey

BELIEVES_FROM_NOTHING = ("ledger", "verify", "public", "--site", "north-1")


def said(result):
    """The words of a command that did what it was told."""
    assert result.exit_code == 0, result.output
    return result.output


def vkey_of(result):
    """The line that `office cosigner` prints."""
    return result.stdout.strip()


# The office's clock: what a quorum signed is believed for good.


def test_a_clock_that_is_years_ahead_signs_nothing_unless_it_is_insisted_on(desk, monkeypatch):
    loaded()
    checkpoint = Path("office/checkpoint").read_bytes()
    monkeypatch.setattr(time, "time", lambda: NOW + MOST_AHEAD + 1)

    with pytest.raises(
        Refused, match="clock says 2028-11-24, the newest day known here is 2026-11"
    ):
        run("office", "publish", "public")
    assert Path("office/checkpoint").read_bytes() == checkpoint
    said(run("office", "publish", "public", "--clock-is-right"))
    assert Path("office/checkpoint").read_bytes() != checkpoint


def test_a_clock_is_believed_for_two_years(desk, monkeypatch):
    loaded()
    monkeypatch.setattr(time, "time", lambda: NOW + MOST_AHEAD)

    said(run("office", "publish", "public"))


# Rotation: the terminals follow, one change after the other.


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ((), {"root-3"}),
        (("--new-log",), {"root-3", "log-3"}),
        (("--local", "committee", "--local", "property", "--quorum", "2"), {"root-3"}),
    ],
    ids=["roots", "log", "cosigners"],
)
def test_terminals_follow_a_rotation(desk, options, keys):
    loaded()
    before = {path.stem for path in Path("office/keys").iterdir()}

    run("office", "rotate", *options)
    made, imported = loaded()

    assert said(imported) == f"{ORIGIN}: {SIZE + 1} entries, 1 new\n"
    assert said(made)
    assert (status()["policy_version"], judged("chen.txt")) == (2, ["GREEN OPEN"])
    assert {path.stem for path in Path("office/keys").iterdir()} - before == keys
    modes = {stat.S_IMODE(path.stat().st_mode) for path in Path("office/keys").iterdir()}
    assert modes == {0o600}
    assert said(run("ledger", "fsck", "--site", "north-1")).endswith("sound\n")


def test_a_terminal_that_missed_rotations_follows_all_of_them(desk):
    loaded()
    for options in ((), ("--new-log",), ("--local", "property", "--quorum", "1"), ("--new-log",)):
        run("office", "rotate", *options)
        run("office", "publish", "public")
    run("office", "terminal", "south-1", "--name", "south-1", *POST[2:])
    run("office", "publish", "public")

    sizes = [run("ledger", "import", "public", "--site", site) for site in ("north-1", "south-1")]

    assert [said(one) for one in sizes] == [
        f"{ORIGIN}: {SIZE + 5} entries, 5 new\n",
        f"{ORIGIN}: {SIZE + 5} entries, {SIZE + 5} new\n",
    ]
    assert [status(site)["policy_version"] for site in ("north-1", "south-1")] == [5, 5]
    assert status()["genesis"] == status("south-1")["genesis"]
    assert said(run(*BELIEVES_FROM_NOTHING)).endswith("sound\n")


def test_a_second_rotation_waits_until_the_first_is_published(desk, main):
    run("office", "rotate", "--new-log")
    before = snapshot(desk)

    refused = main("office", "rotate")

    step = "policy 2 is not published yet; run first: yardpass office publish"
    assert refused == (1, "", f"yardpass: {step}\n")
    assert snapshot(desk) == before
    loaded()
    assert said(run("office", "rotate")) == "policy 3; next: yardpass office publish\n"
    assert said(loaded()[1])
    assert status()["policy_version"] == 3


@pytest.mark.parametrize("left", [0, 1, 30, 67])
def test_a_key_that_a_killed_rotation_left_half_written_is_made_again(desk, left):
    for name in ("root-3", "log-3"):
        path = Path(f"office/keys/{name}.key")
        path.write_bytes(Path("office/keys/root-1.key").read_bytes()[:left])
        path.chmod(0o600)

    made = [run("office", "rotate", "--new-log"), *loaded()]
    made += [run("office", "rotate", "--new-log"), *loaded()]

    assert all(map(said, made))
    assert status()["policy_version"] == 3


def test_a_whole_key_that_a_killed_rotation_left_is_the_one_that_is_announced(desk):
    left = SigningKey(ED25519, bytes(range(32)))
    keyfile.write_key(Path("office/keys/root-3.key"), left)

    run("office", "rotate")
    loaded()

    assert keyfile.read_key(Path("office/keys/root-3.key"), hint="") == left
    assert said(run("office", "rotate"))
    assert said(loaded()[1])


def test_a_damaged_key_that_a_policy_has_named_is_not_made_again(desk, main):
    Path("office/keys/log-2.key").write_bytes(b"")
    before = snapshot(desk)

    refused = main("office", "rotate")

    why = f"office/keys/log-2.key is not a key file; {RESTORE}"
    assert refused == (1, "", f"yardpass: {why}\n")
    assert snapshot(desk) == before


def test_after_a_rotation_as_many_sign_as_it_says_and_no_fewer(desk, main):
    run("office", "rotate", "--local", "committee", "--local", "property", "--quorum", "2")
    loaded()
    run("office", "suspend", "Chen")
    shutil.rmtree("office/cosigners/property")  # integrator is there, but does not count any more

    exit_code, _, why = main("office", "publish", "public")

    assert exit_code == 1
    assert f"1 cosignatures are no quorum over these {SIZE + 2} entries; run " in why
    assert said(run("ledger", "import", "public", "--site", "north-1")).endswith(
        " 0 new, 0 s old\n"
    )


def test_a_rotation_that_names_no_cosigners_keeps_them_and_how_many_must_sign(desk, main):
    run("office", "rotate", "--new-log")
    loaded()
    for name in ("property", "integrator"):
        shutil.rmtree(f"office/cosigners/{name}")
    run("office", "suspend", "Chen")

    exit_code, _, why = main("office", "publish", "public")

    assert (exit_code, "1 cosignatures are no quorum" in why) == (1, True)


@pytest.mark.parametrize(
    ("options", "exit_code", "why"),
    [
        (
            ["--local", "nobody"],
            1,
            "no cosigner 'nobody'; those beside the office are: committee,",
        ),
        (["--quorum", "2"], 2, "--quorum goes with the names of all cosigners"),
        (["--local", "property", "--quorum", "2"], 2, "--quorum 2 of 1 cosigners"),
        (["--local", "property", "--local", "property"], 2, "none twice"),
        (["--local", "no-one"], 2, "letters and digits"),
        (["--cosigner", "anna"], 1, "is not a verifier key"),
    ],
)
def test_cosigners_who_cannot_be_are_named_and_no_key_is_made(desk, main, options, exit_code, why):
    before = snapshot(desk)

    refused = main("office", "rotate", *options)

    assert refused[:2] == (exit_code, "")
    assert why in refused[2]
    assert snapshot(desk) == before


def test_one_key_is_one_cosigner_under_whatever_names(desk, main):
    vkey = vkey_of(run("office", "cosigner", "anna", "--name", "anna", "--site", "hz07"))
    key = vkey.partition("=")[2]

    for pairs in ((f"anna={key}", f"bela={key}"), (vkey, vkey)):
        options = [word for pair in pairs for word in ("--cosigner", pair)]
        refused = main("office", "init", "--office", "new", "--site", "hz07", *options)

        assert refused[0] in (1, 2)
        assert "twice" in refused[2]
    assert not Path("new/office.toml").exists()


# A copy put back: a log that forgot what it signed must not go on.


@pytest.mark.parametrize(
    "command",
    [
        ("enrol", "Okafor"),
        ("revoke", "Chen"),
        ("list",),
        ("publish", "public"),
        ("publish", "public", "--draft"),
        ("rotate",),
        ("baseline",),
    ],
    ids=" ".join,
)
def test_an_old_book_beside_a_newer_signature_is_refused_with_what_to_do(desk, main, command):
    shutil.copy("office/book.db", "old.db")
    run("office", "enrol", "Later")
    loaded()
    shutil.copy("old.db", "office/book.db")
    before = snapshot(desk)

    refused = main("office", *command)

    what = f"office/book.db is older than what was signed: {SIZE + 1} entries, {SIZE} are here"
    assert refused == (1, "", f"yardpass: {what}; {RESTORE}\n")
    assert snapshot(desk) == before


@pytest.mark.parametrize("grown", [False, True])
def test_cosigners_who_are_ahead_of_a_restored_log_do_not_sign(desk, main, grown):
    for name in ("book.db", "signed.note"):
        shutil.copy(f"office/{name}", name)
    run("office", "enrol", "Later")
    loaded()
    for name in ("book.db", "signed.note"):
        shutil.copy(name, f"office/{name}")
    if grown:
        for name in ("Other", "Another"):
            run("office", "enrol", name)
    before = snapshot(desk / "public")

    refused = main("office", "publish", "public")

    why = "two histories" if grown else f"{SIZE} entries, {SIZE + 1} were accepted before"
    assert refused[:2] == (1, "")
    assert why in refused[2]
    assert snapshot(desk / "public") == before


@pytest.mark.parametrize("grown", [0, 1, 3])
def test_a_published_folder_is_never_taken_back_by_a_restored_office(desk, main, grown):
    shutil.copytree("office", "old")
    run("office", "enrol", "Later")
    loaded()
    for number in range(grown):
        run("office", "enrol", f"r{number}", "--office", "old")
    before = snapshot(desk / "public")

    refused = [
        main("office", "publish", "public", "--office", "old", *more) for more in ([], ["--draft"])
    ]

    sizes = rf"public shows {SIZE + 1} entries that are not in the {SIZE + grown} of this ledger"
    for exit_code, _, why in refused:
        assert exit_code == 1
        assert re.search(rf"{sizes}: published before a restore\? {RESTORE}", why)
    assert snapshot(desk / "public") == before


def test_the_folder_of_another_office_is_left_alone(desk, main):
    run("office", "init", "--site", "bj01", "--office", "other")
    run("office", "publish", "public", "--office", "other")
    before = snapshot(desk / "public")

    refused = main("office", "publish", "public")

    assert refused == (1, "", "yardpass: public holds the ledger of yardpass/bj01\n")
    assert snapshot(desk / "public") == before


def test_publishing_again_changes_the_checkpoint_alone(desk, monkeypatch):
    run("office", "publish", "public")
    before = {
        path: path.stat().st_mtime_ns for path in Path("public").rglob("*") if path.is_file()
    }

    monkeypatch.setattr("time.time", lambda: NOW + 60)
    run("office", "publish", "public")

    after = {path: path.stat().st_mtime_ns for path in Path("public").rglob("*") if path.is_file()}
    assert before.keys() == after.keys()
    assert [path.name for path in after if after[path] != before[path]] == ["checkpoint"]


def test_a_folder_and_a_file_are_the_same_ledger(desk):
    run("office", "publish", "public")
    run("office", "publish", "one.ledger")

    told = [
        run("ledger", "verify", name, "--site", "north-1") for name in ("public", "one.ledger")
    ]

    assert Path("one.ledger").is_file()
    words = [said(one).split(": ", 1)[1] for one in told]
    assert words[0] == words[1]
    assert words[0].startswith(f"{ORIGIN}, {SIZE} entries, root ")


# Cosigners elsewhere: each party keeps its own folder, and signs what it has replayed.


@pytest.fixture(scope="module")
def parties_once(tmp_path_factory):
    """An office whose two cosigners are elsewhere, with Chen and a terminal, to be copied."""
    folder = tmp_path_factory.mktemp("parties")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: NOW)
        office = ("--office", folder / "office")
        lines = []
        for name in ("anna", "bela"):
            made = run("office", "cosigner", folder / name, "--name", name, "--site", "HZ07")
            lines += ["--cosigner", vkey_of(made)]
        said(run("office", "init", "--site", "hz07", *lines, *office))
        (folder / "chen.txt").write_text(run("office", "enrol", "Chen", *office).stdout)
        run("office", "terminal", folder / "north-1", *POST, *office)
    return folder


@pytest.fixture
def parties(parties_once, tmp_path, monkeypatch):
    shutil.copytree(parties_once, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.time", lambda: NOW)
    return tmp_path


def cosigned(*names, source="public", genesis=True):
    """Has each cosign the draft; the options of publish that carry the lines."""
    options = []
    for name in names:
        first = ("--genesis", "office/genesis.policy") if genesis else ()
        said(run("office", "cosign", name, source, *first, "--out", f"{name}.sig"))
        options += ["--cosignature", f"{name}.sig"]
    return options


def test_a_ledger_is_cosigned_by_parties_elsewhere_and_a_terminal_accepts_it(parties):
    assert not Path("office/cosigners").exists()
    said(run("office", "publish", "public", "--draft"))

    made = run("office", "publish", "public", *cosigned("anna", "bela"))
    imported = run("ledger", "import", "public", "--site", "north-1")

    assert said(made) == "wrote public; next: yardpass ledger import public --site FOLDER\n"
    assert said(imported) == f"{ORIGIN}: {SIZE} entries, {SIZE} new\n"
    assert judged("chen.txt") == ["GREEN OPEN"]
    note = Path("public/checkpoint").read_text()
    assert [line.split()[1] for line in note.splitlines() if line.startswith("— ")] == [
        ORIGIN,
        f"{ORIGIN}/anna",
        f"{ORIGIN}/bela",
    ]


def test_a_cosigner_keeps_its_key_to_itself_and_prints_the_public_one(parties):
    key = keyfile.read_key(Path("anna/cosigner.key"), hint="")

    line = vkey_of(run("office", "cosigner", "cora", "--name", "cora", "--site", "hz07"))

    assert re.fullmatch(rf"cora={ORIGIN}/cora\+[0-9a-f]{{8}}\+[A-Za-z0-9+/=]{{44}}", line)
    paths = [*Path("anna").iterdir(), Path("cora/cosigner.key")]
    modes = {str(path): stat.S_IMODE(path.stat().st_mode) for path in paths}
    assert (modes["anna/cosigner.key"], modes["cora/cosigner.key"]) == (0o600, 0o600)
    others = [path for path in Path.cwd().rglob("*") if path.is_file() and "anna" not in str(path)]
    assert [path for path in others if key.seed in path.read_bytes()] == []


def test_what_one_party_signed_is_no_quorum_of_two_and_nothing_is_published(parties, main):
    run("office", "publish", "public", "--draft")
    lines = cosigned("anna")

    refused = [main("office", "publish", "public", *options) for options in (lines, 2 * lines, [])]

    assert [one[0] for one in refused] == [1, 1, 1]
    assert [re.findall(r"(\d) cosignatures are no quorum", one[2]) for one in refused] == [
        ["1"],
        ["1"],
        ["0"],
    ]
    assert all("let more cosign it" in one[2] for one in refused)
    assert not Path("public/checkpoint").exists()


def test_lines_over_an_older_draft_do_not_count(parties, main):
    run("office", "publish", "public", "--draft")
    lines = cosigned("anna", "bela")
    run("office", "enrol", "Later")

    refused = main("office", "publish", "public", *lines)

    assert refused[0] == 1
    assert f"0 cosignatures are no quorum over these {SIZE + 1} entries; run " in refused[2]


@pytest.mark.parametrize(
    "junk",
    [b"", b"\xff\xfe junk", "— yardpass/hz07/bela AAAA\n".encode(), b"\n\n\n", b"x" * 4_096],
)
def test_a_line_that_is_none_counts_nothing(parties, main, junk):
    run("office", "publish", "public", "--draft")
    lines = cosigned("anna", "bela")
    Path("junk").write_bytes(junk)

    refused = main("office", "publish", "public", *lines[:2], "--cosignature", "junk")
    made = main("office", "publish", "public", *lines, "--cosignature", "junk")

    assert (refused[0], "1 cosignatures are no quorum" in refused[2]) == (1, True)
    assert made[0] == 0


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\n\n"])
def test_a_line_counts_however_its_end_came_along(parties, end):
    run("office", "publish", "public", "--draft")
    lines = cosigned("anna", "bela")
    Path("bela.sig").write_bytes(Path("bela.sig").read_bytes().strip() + end)

    assert said(run("office", "publish", "public", *lines))


def test_a_line_may_be_printed_and_kept_by_hand(parties):
    run("office", "publish", "public", "--draft")
    lines = cosigned("anna")
    shown = run("office", "cosign", "bela", "public", "--genesis", "office/genesis.policy")
    Path("by-hand").write_text(shown.stdout)

    assert shown.stdout.startswith(f"— {ORIGIN}/bela ")
    assert said(run("office", "publish", "public", *lines, "--cosignature", "by-hand"))


def test_a_cosigner_that_knows_no_policy_says_what_it_needs(parties, main):
    run("office", "publish", "public", "--draft")

    refused = main("office", "cosign", "anna", "public")

    why = "anna cosigns for nobody yet; give the office's --genesis"
    assert refused == (1, "", f"yardpass: {why}\n")


@pytest.mark.parametrize("text", [b"", b"policy", None])
def test_a_policy_of_another_office_is_pinned_by_no_cosigner(parties, main, text):
    run("office", "publish", "public", "--draft")
    run("office", "init", "--site", "bj01", "--office", "other")
    Path("bad.policy").write_bytes(text or Path("other/genesis.policy").read_bytes())
    before = snapshot(parties / "anna")

    refused = main("office", "cosign", "anna", "public", "--genesis", "bad.policy")

    assert refused[:2] == (1, "")
    assert snapshot(parties / "anna") == before


def test_a_cosigner_signs_no_draft_of_an_office_that_was_put_back(parties, main):
    run("office", "publish", "public", "--draft")
    cosigned("anna", "bela")
    shutil.copytree("office", "old")
    run("office", "enrol", "Later")
    run("office", "publish", "public", "--draft")
    cosigned("anna", "bela", genesis=False)
    for name in ("Other", "Another"):
        run("office", "enrol", name, "--office", "old")
    run("office", "publish", "forked", "--draft", "--office", "old")

    refused = main("office", "cosign", "anna", "forked")
    again = main("office", "cosign", "anna", "public")

    assert refused[:2] == (1, "")
    assert "two histories" in refused[2]
    assert again[0] == 1
    assert "showed two histories; the evidence is in" in again[2]


def test_parties_change_by_a_rotation_that_the_old_ones_sign_too(parties, main):
    run("office", "publish", "public", "--draft")
    run("office", "publish", "public", *cosigned("anna", "bela"))
    run("ledger", "import", "public", "--site", "north-1")
    anna = f"anna={Cosigner.open(Path('anna')).vkey()}"
    cora = vkey_of(run("office", "cosigner", "cora", "--name", "cora", "--site", "hz07"))

    run("office", "rotate", "--cosigner", anna, "--cosigner", cora, "--quorum", "2")
    run("office", "publish", "public", "--draft")
    lines = cosigned("anna", "bela", genesis=False) + cosigned("cora")
    few = [main("office", "publish", "public", *some)[0] for some in (lines[:4], lines[2:])]
    made = run("office", "publish", "public", *lines)
    imported = run("ledger", "import", "public", "--site", "north-1")

    assert few == [1, 1]
    assert said(made)
    assert said(imported) == f"{ORIGIN}: {SIZE + 1} entries, 1 new\n"
    assert status()["policy_version"] == 2
    run("office", "suspend", "Chen")
    run("office", "publish", "public", "--draft")
    lines = cosigned("anna", "cora", genesis=False)
    assert said(run("office", "publish", "public", *lines))
    run("ledger", "import", "public", "--site", "north-1")
    assert judged("chen.txt") == ["RED DENY R-SUSPENDED"]


# Other keys the ledger names.


def test_another_issuer_has_a_key_of_its_own_that_is_made_once(desk, main):
    first = run("office", "issuer", "kiosk", "--class", "visitor", "--years", "2")
    before = snapshot(desk)

    again = main("office", "issuer", "kiosk")

    path = Path("office/keys/issuer-kiosk.key")
    assert said(first)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert again[:2] == (1, "")
    assert "issuer-kiosk.key exists; it is made once" in again[2]
    assert snapshot(desk) == before


@pytest.mark.parametrize("alg", [ED25519, ES256])
def test_an_issuer_elsewhere_is_named_by_its_public_key_alone(desk, alg):
    key = SigningKey(alg, bytes(range(32)))
    Path("kiosk.pub").write_bytes(cbor.encode(key.public.to_cose()))
    before = {path.name for path in Path("office/keys").iterdir()}

    assert said(run("office", "issuer", "kiosk 2", "--key", "kiosk.pub", "--class", "visitor"))

    assert {path.name for path in Path("office/keys").iterdir()} == before
    assert said(loaded()[1]) == f"{ORIGIN}: {SIZE + 1} entries, {SIZE + 1} new\n"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "why"),
    [
        (["x" * 65], 1, "1 to 64 characters"),
        (["a/b"], 2, "letters and digits"),
        (["kiosk", "--key", "chen.txt"], 1, "chen.txt is not a COSE_Key"),
        (["kiosk", "--key", "none"], 1, "no file none"),
        (
            ["guard", "--deny-only", "--class", "visitor"],
            2,
            "--deny-only, --cards-only and --orders issue no --class",
        ),
    ],
)
def test_an_issuer_that_cannot_be_leaves_no_key(desk, main, arguments, exit_code, why):
    before = snapshot(desk)

    refused = main("office", "issuer", *arguments)

    assert refused[:2] == (exit_code, "")
    assert why in refused[2]
    assert snapshot(desk) == before


def test_a_key_for_denials_alone_enrols_nobody(desk, main):
    run("office", "issuer", "guard", "--deny-only")
    shutil.copy("office/keys/issuer-guard.key", "office/keys/issuer.key")
    before = snapshot(desk)

    refused = main("office", "enrol", "Friend")

    assert refused[:2] == (1, "")
    assert "is of no issuer in this ledger" in refused[2]
    assert snapshot(desk) == before


def test_a_denial_works_at_once_where_it_is_taken_and_by_no_unknown_key(desk, main):
    run("office", "issuer", "guard", "--deny-only")
    loaded()
    said(run("office", "deny", "Chen", "chen.deny"))
    places = [line.split(" ", 1)[::-1] for line in Path("chen.deny").read_text().split("\n")[2:3]]
    places = [(uri, int(idx)) for uri, idx in places]
    guard = keyfile.read_key(Path("office/keys/issuer-guard.key"), hint="")
    for name, key in {"guard": guard, "thief": SigningKey(ED25519, bytes(32))}.items():
        note = deny.sign(ORIGIN, places, issued_at=NOW, key=key)
        Path(f"{name}.deny").write_bytes(note)

    stolen = main("ledger", "deny", "thief.deny", "--site", "north-1")
    before = judged("chen.txt")
    told = said(run("ledger", "deny", "guard.deny", "--site", "north-1"))

    assert stolen[0] == 1
    assert stolen[2].startswith("yardpass: thief.deny: ")
    assert before == ["GREEN OPEN"]
    assert re.fullmatch(r"1 pass\(es\) denied until \d{4}-\d\d-\d\d \d\d:\d\d UTC\n", told)
    assert judged("chen.txt") == ["RED DENY R-DENIED"]
    assert said(run("ledger", "import", "public", "--site", "north-1"))
    assert judged("chen.txt") == ["RED DENY R-DENIED"]


@pytest.mark.parametrize("name", ["Nobody", "Chen"])
def test_who_has_no_pass_in_force_is_not_denied(desk, main, name):
    run("office", "revoke", "Chen")

    refused = main("office", "deny", name, "chen.deny")

    why = f"no pass of '{name}' is in force; see: yardpass office list"
    assert refused == (1, "", f"yardpass: {why}\n")
    assert not Path("chen.deny").exists()


def test_a_terminal_that_is_gone_is_gone_from_the_ledger(desk, main):
    loaded()

    told = said(run("office", "gone", "north-1"))
    again = main("office", "gone", "north-1")

    assert told == "terminal north-1 is gone; next: yardpass office publish\n"
    assert again == (
        1,
        "",
        "yardpass: no terminal 'north-1' in the ledger; it has none\n",
    )
    assert said(loaded()[1]) == f"{ORIGIN}: {SIZE + 1} entries, 1 new\n"


def test_a_recognition_is_written_and_taken_back(desk, main):
    digest = "ab" * 32

    given = run("office", "recognise", "yardpass/bj01", "--policy", digest, "--class", "resident")
    taken = run("office", "recognise", "yardpass/bj01")
    wrong = [main("office", "recognise", "x", "--policy", text) for text in ("ab", "no hex")]

    assert said(given) == "yardpass/bj01 recognised; next: yardpass office publish\n"
    assert said(taken) == "yardpass/bj01 is recognised no more; next: yardpass office publish\n"
    assert wrong == [
        (1, "", f"yardpass: '{text}' is no digest of 32 bytes in hex\n")
        for text in ("ab", "no hex")
    ]
    assert said(loaded()[1]) == f"{ORIGIN}: {SIZE + 2} entries, {SIZE + 2} new\n"


def test_a_new_terminal_begins_with_the_snapshot_and_can_replay_what_is_before_it(desk):
    loaded()
    said(run("office", "snapshot"))
    run("office", "enrol", "Later")
    loaded()
    run("office", "terminal", "south-1", "--name", "south-1", *POST[2:])

    quick = said(run("ledger", "import", "public", "--site", "south-1"))
    whole = said(run("ledger", "import", "public", "--site", "south-1", "--replay"))

    began = f"; began with a snapshot at {SIZE}, see --replay"
    assert quick == f"{ORIGIN}: {SIZE + 2} entries, {SIZE + 2} new{began}\n"
    assert whole == f"{ORIGIN}: {SIZE + 2} entries, 0 new, 0 s old, {SIZE} replayed\n"
    found = run("check", "chen.txt", "--site", "south-1", "--at", iso(NOW)).stdout
    assert found.startswith("chen.txt: ● GREEN")
    assert said(run("ledger", "fsck", "--site", "south-1")).endswith("sound\n")


@pytest.mark.parametrize("target", ["office/office.toml/public", "chen.txt/x.ledger"])
def test_a_target_that_cannot_be_written_is_named(desk, target):
    with pytest.raises((Refused, Unavailable), match="cannot be written"):
        run("office", "publish", target)


def test_verify_looks_behind_a_snapshot(desk):
    Path("roll.csv").write_text("resident\n" + "".join(f"R{n}\n" for n in range(300)))
    run("office", "import", "roll.csv")
    run("office", "snapshot")
    loaded()
    assert "sound" in run("ledger", "verify", "public", "--site", "north-1").stdout
    bundle = Path("public/tile/entries/000")
    data = bundle.read_bytes()
    bundle.write_bytes(data[:40] + bytes((data[40] ^ 1,)) + data[41:])

    with pytest.raises(Refused):
        run("ledger", "verify", "public", "--site", "north-1")
