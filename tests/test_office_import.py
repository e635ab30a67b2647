"""A roll of residents at the command line: everybody in it is enrolled, or nobody."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from authority import full_disk
from compound import key_named
from desk import NOW, ORIGIN, SIZE, YARDPASS, judged, loaded, run, snapshot

from appliance.office import roll
from appliance.passes import code, token
from ledger_sync import base45
from ledger_sync.cards import Cards
from ledger_sync.keys import ED25519, ES256
from ledger_sync.store import Store

MANY = 5_000
A_LOT = 100_000
MOST_MEGABYTES = 300  # of the process that imports a lot; 163 were measured


def roll_of(count, prefix="r"):
    return "resident\n" + "".join(f"{prefix}{number}\n" for number in range(count))


def listed():
    return json.loads(run("office", "list", "--json").stdout)


def test_the_template_is_a_roll_that_can_be_imported(desk):
    Path("roll.csv").write_text(run("office", "import", "--template").stdout)

    checked = run("office", "import", "roll.csv", "--dry-run")
    said = run("office", "import", "roll.csv")

    assert checked.stdout.splitlines() == [
        "roll.csv: 3 residents, no faults",
        "  would sign into the ledger: 1 household (key)",
        "  would sign into the ledger: 1 resident (print)",
        "  would sign into the ledger: 1 staff (card)",
    ]
    assert said.stdout == "3 residents enrolled; next: yardpass office publish\n"
    found = {row["resident"]: (row["class"], row["carrier"]) for row in listed()}
    assert found == {
        "Chen": ("resident", "print"),
        "Example Card": ("staff", "card"),
        "Example Phone": ("household", "key"),
        "Example Print": ("resident", "print"),
    }


def test_the_template_needs_no_office(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert run("office", "import", "--template").stdout == roll.template()
    assert list(tmp_path.iterdir()) == []


def test_who_is_in_the_roll_gets_in_with_what_he_carries(desk):
    phone, card = key_named("phone", ED25519), key_named("card", ES256)
    Path("roll.csv").write_text(
        "resident;class;key;card;until\r\n"
        f"Paper;household;;;2026-12-31\r\nPhone;;{phone.public.raw.hex()};;\r\n"
        f"Card;staff;;{card.public.raw.hex()};\r\n"
    )
    run("office", "import", "roll.csv")
    loaded()

    texts = {who: run("office", "issue", who).stdout for who in ("Paper", "Phone", "Card")}

    held = {who: base45.decode(text.strip()[4:]) for who, text in texts.items()}
    for who, key in {"Phone": phone, "Card": card}.items():
        shown = {"audience": "yp:hz07", "issued_at": NOW, "key": key}
        Path(who).write_bytes(code.by_reference(token.handle_of(held[who]), **shown))
    Path("Paper").write_text(texts["Paper"])
    assert judged("Paper", "Phone") == ["GREEN OPEN"] * 2
    assert judged("Card") == ["RED DENY R-UNKNOWN"]  # as a code: a card is held to a reader
    with Store(Path("north-1/store.db")) as store:
        assert Cards(store).by_key(card.public)[0] == token.handle_of(held["Card"])
    ends = {row["resident"]: row["expires_at"] for row in listed()}
    assert (ends["Paper"], ends["Phone"]) == (1_798_761_599, NOW + 30 * 86_400)


FAULTY = """\
resident,class,zones,days,key
Chen Wei,resident,0,30,
,resident,0,30,
Okafor,king,0,30,
Ünal,resident,53,30,
Abe,resident,0,0,
Chen Wei,resident,0,30,
Diaz,resident,0,30,zz
"""
FAULTS = {
    3: "resident: empty",
    4: "class: 'king' is unknown",
    5: "zones: '53' is no list of zones 0 to 52",
    6: "days: '0' is no whole number from 1 to 3650",
    7: "resident: 'Chen Wei' has a print on line 2 already",
    8: "key: neither hex nor base64url",
}


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_all_faults_are_told_with_their_lines_and_nobody_is_enrolled(desk, main, options):
    Path("roll.csv").write_text(FAULTY)
    before = snapshot(desk)

    exit_code, out, why = main("office", "import", "roll.csv", *options)

    assert (exit_code, out) == (1, "")
    first, *rest = why.splitlines()
    assert first == "yardpass: roll.csv was not imported, nobody was enrolled:"
    assert [int(re.match(r"line (\d+): ", line)[1]) for line in rest] == list(FAULTS)
    assert all(fault in line for fault, line in zip(FAULTS.values(), rest, strict=True))
    assert snapshot(desk) == before


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "resident"),
        (b"\x89PNG\r\n\x1a\n", "not UTF-8"),
        ("resident\nChen\n".encode("utf-16-le"), "NUL"),
        (b"name\nChen\n", "'resident'"),
        (b'resident\n"Chen\n', "line 2"),
        (b"resident\n" + b"x\n" * (roll.MAX_LINES + 1), "divide it"),
    ],
    ids=["empty", "picture", "wide", "no column", "quotes", "long"],
)
def test_what_is_no_roll_is_refused_in_words_and_enrols_nobody(desk, main, data, why):
    Path("roll.csv").write_bytes(data)
    before = snapshot(desk)

    refused = main("office", "import", "roll.csv")

    assert refused[:2] == (1, "")
    assert why in refused[2]
    assert "Traceback" not in refused[2]
    assert snapshot(desk) == before


# Who holds such a pass already.


def roll_of_four(*, phone="phone", card="card"):
    """Chen with the print that the desk gave out, somebody with a phone, with a card, and new."""
    keys = [key_named(phone, ED25519), key_named(card, ES256)]
    raw = [key.public.raw.hex() for key in keys]
    lines = ["Chen,,", f"Abe,{raw[0]},", f"Ünal,,{raw[1]}", "Diaz,,"]
    return "\n".join(["resident,key,card", *lines, ""])


TWICE = [
    "line 2: resident: 'Chen' has a print",
    "line 3: resident: 'Abe' has this key",
    "line 4: resident: 'Ünal' has this card",
    "line 5: resident: 'Diaz' has a print",
    "line 6: key: neither hex nor base64url; make the column text before pasting keys",
]


def test_a_roll_imported_again_names_every_line_that_is_enrolled_and_enrols_nobody(desk, main):
    Path("roll.csv").write_text(roll_of_four().replace("Chen,,\n", ""))
    run("office", "import", "roll.csv")
    Path("roll.csv").write_text(roll_of_four() + "Nobody,zz,\n")
    before = snapshot(desk)

    for options in ([], ["--dry-run"]):
        exit_code, out, why = main("office", "import", "roll.csv", *options)

        assert (exit_code, out) == (1, "")
        told = why.replace(" in force already; see --skip-enrolled", "").splitlines()
        assert told[1:] == TWICE
    assert snapshot(desk) == before


def test_who_is_enrolled_can_be_passed_over_and_is_counted(desk):
    Path("roll.csv").write_text(roll_of_four())

    checked = run("office", "import", "roll.csv", "--skip-enrolled", "--dry-run")
    first = run("office", "import", "roll.csv", "--skip-enrolled")
    again = run("office", "import", "roll.csv", "--skip-enrolled")

    assert checked.stdout.startswith("roll.csv: 3 residents, no faults, 1 passed over\n")
    publish = "next: yardpass office publish\n"
    assert first.stdout == f"3 residents enrolled, 1 passed over; {publish}"
    assert again.stdout == f"0 residents enrolled, 4 passed over; {publish}"
    assert sorted(row["resident"] for row in listed()) == ["Abe", "Chen", "Diaz", "Ünal"]
    assert loaded()[1].stdout == f"{ORIGIN}: {SIZE + 3} entries, {SIZE + 3} new\n"


def test_other_faults_count_also_on_a_line_that_could_be_passed_over(desk, main):
    Path("roll.csv").write_text("resident,zones\nChen,99\n")
    before = snapshot(desk)

    refused = main("office", "import", "roll.csv", "--skip-enrolled")

    assert (refused[0], "line 2: zones: '99'" in refused[2]) == (1, True)
    assert snapshot(desk) == before


@pytest.mark.parametrize(
    "line",
    [
        f"Chen,{key_named('phone', ED25519).public.raw.hex()},",
        f"Abe,{key_named('new phone', ED25519).public.raw.hex()},",
        f"Abe,,{key_named('card', ES256).public.raw.hex()}",
        "Abe,,",
        "chen,,",
    ],
    ids=["a phone too", "another phone", "a card too", "a print too", "another name"],
)
def test_another_carrier_another_key_and_another_name_are_no_second_time(desk, line):
    Path("roll.csv").write_text(roll_of_four().replace("Chen,,\n", ""))
    run("office", "import", "roll.csv")
    Path("more.csv").write_text(f"resident,key,card\n{line}\n")

    said = run("office", "import", "more.csv")

    assert said.stdout == "1 residents enrolled; next: yardpass office publish\n"


@pytest.mark.parametrize("way", ["revoked", "expired"])
def test_a_pass_that_is_not_in_force_stands_in_nobodys_way(desk, monkeypatch, way):
    Path("roll.csv").write_text(roll_of_four().replace("Chen,,\n", ""))
    run("office", "import", "roll.csv")
    if way == "revoked":
        for who in ("Abe", "Ünal", "Diaz"):
            run("office", "revoke", who)
    else:
        monkeypatch.setattr("time.time", lambda: NOW + 30 * 86_400)

    assert run("office", "import", "roll.csv").stdout.startswith("3 residents enrolled; ")


def test_who_is_suspended_or_has_a_bare_card_number_is_told_apart(desk, main):
    run("office", "suspend", "Chen")
    run("office", "card", "Abe", "010203")
    Path("roll.csv").write_text("resident\nChen\nAbe\n")

    refused = main("office", "import", "roll.csv")
    said = run("office", "import", "roll.csv", "--skip-enrolled")

    assert [line[:6] for line in refused[2].splitlines()[1:]] == ["line 2"]
    assert said.stdout.startswith("1 residents enrolled, 1 passed over; ")


def test_the_book_is_read_once_however_long_the_roll_is(desk, monkeypatch):
    Path("roll.csv").write_text(roll_of(2_000))
    run("office", "import", "roll.csv")
    asked, connect = [], sqlite3.connect

    def traced(*arguments, **options):
        made = connect(*arguments, **options)
        made.set_trace_callback(asked.append)
        return made

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", traced)
        said = run("office", "import", "roll.csv", "--skip-enrolled")

    assert said.stdout.startswith("0 residents enrolled, 2000 passed over; ")
    assert sum("FROM resident" in one for one in asked) == 2
    assert len(asked) < 100


SHEETS = {
    "a BOM, semicolons, CRLF": "\ufeffresident;days\r\nChen Wei;30\r\nZoë;9\r\n".encode(),
    "tabs": b"resident\tdays\nChen Wei\t30\nZo\xc3\xab\t9\n",
    "UTF-16 as Excel's Unicode text": "resident\tdays\r\nChen Wei\t30\r\nZoë\t9".encode("utf-16"),
    "quotes around all": '"resident","days"\n"Chen Wei","30"\n"Zoë","9"\n'.encode(),
    "an empty column in quotes": 'resident,days,""\nChen Wei,30,\nZoë,9,""\n'.encode(),
}


@pytest.mark.parametrize("name", SHEETS)
def test_a_sheet_is_imported_however_a_spreadsheet_saved_it(desk, name):
    Path("roll.csv").write_bytes(SHEETS[name])

    said = run("office", "import", "roll.csv")

    assert said.stdout == "2 residents enrolled; next: yardpass office publish\n"
    assert [row["resident"] for row in listed()] == ["Chen", "Chen Wei", "Zoë"]


TOO_MUCH = {
    "one line too many": (
        roll_of(roll.MAX_LINES + 1).encode(),
        "100001 lines below the first, at most 100000 are read; divide it",
    ),
    "a flat twice": (
        b"resident\nFlat 40\nFlat 41\nFlat 40\n",
        "line 4: resident: 'Flat 40' has a print on line 2 already",
    ),
    "another encoding": (
        "resident\nZoë\n".encode("latin-1"),
        'line 2: byte 0xeb is not UTF-8; save the sheet as "CSV UTF-8"',
    ),
    "no such column": (
        b"name,days\nChen Wei,30\n",
        "line 1: column 'name' is unknown; known are resident, class",
    ),
    "no name": (b"days,class\n30,staff\n", "line 1: no column 'resident' in the header"),
    "a name on two lines": (
        b'resident\n"Chen\nWei"\n',
        "line 2: resident: 'Chen\\nWei' is no name: it holds line breaks",
    ),
    "a quote that does not end": (b'resident\n"Chen\nWei\n', "line 2: quotes that do not pair"),
    "the workbook itself": (b"PK\3\4\x14\0\x06\0", "line 1: a NUL: this is no text"),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_a_sheet_that_cannot_be_meant_is_refused_in_a_sentence_and_changes_nothing(
    desk, main, name
):
    data, why = TOO_MUCH[name]
    Path("roll.csv").write_bytes(data)
    before = snapshot(desk)

    exit_code, out, err = main("office", "import", "roll.csv")

    assert (exit_code, out) == (1, "")
    assert err.startswith("yardpass: roll.csv was not imported, nobody was enrolled:\n")
    assert why in err
    assert snapshot(desk) == before


def test_a_dry_run_checks_and_enrols_nobody(desk):
    Path("roll.csv").write_text(roll_of(300))
    before = snapshot(desk)

    said = run("office", "import", "roll.csv", "--dry-run")

    assert said.stdout.splitlines() == [
        "roll.csv: 300 residents, no faults",
        "  would sign into the ledger: 300 resident (print)",
    ]
    assert snapshot(desk) == before


def test_a_disk_that_fills_up_in_the_middle_enrols_nobody(desk, main):
    Path("roll.csv").write_text(roll_of(1_000))
    before = listed()

    with full_disk(Path("office/book.db").stat().st_size + 100_000):
        refused = main("office", "import", "roll.csv")

    assert refused[:2] == (1, "")
    assert "free disk space" in refused[2]
    assert listed() == before
    assert loaded()[1].stdout == f"{ORIGIN}: {SIZE} entries, {SIZE} new\n"
    assert run("office", "import", "roll.csv").exit_code == 0
    assert len(listed()) == 1_001


def on_a_terminal(*arguments):
    """What a command prints, and what it shows on the terminal that its errors go to."""
    ours, theirs = os.openpty()
    shown = b""
    with subprocess.Popen([YARDPASS, *arguments], stdout=subprocess.PIPE, stderr=theirs) as one:
        os.close(theirs)
        with suppress(OSError):  # how the end of a terminal reads
            while data := os.read(ours, 4_096):
                shown += data
        printed = one.stdout.read()
    os.close(ours)
    assert one.returncode == 0
    return printed.decode(), shown.decode()


@pytest.mark.long
def test_thousands_are_imported_with_bars_on_a_terminal_and_all_get_in(desk, monkeypatch):
    Path("roll.csv").write_text(roll_of(MANY))

    printed, shown = on_a_terminal("office", "import", "roll.csv")

    assert printed == f"{MANY} residents enrolled; next: yardpass office publish\n"
    assert all(word in shown for word in ("Checking", "Enrolling", "100%"))
    since = begin_of_last(monkeypatch)
    assert loaded()[1].stdout == f"{ORIGIN}: {SIZE + MANY} entries, {SIZE + MANY} new\n"
    names = ["r0", "r255", "r256", f"r{MANY - 1}"]
    for name in names:
        Path(name).write_text(run("office", "issue", name).stdout)
    assert judged(*names, at=since) == ["GREEN OPEN"] * len(names)


def begin_of_last(monkeypatch):
    """When the last pass begins, by the clock of the process that made it; ours goes on there."""
    since = listed()[-1]["expires_at"] - 30 * 86_400
    monkeypatch.setattr("time.time", lambda: since)
    return since


def test_without_a_terminal_no_bar_is_drawn(desk):
    Path("roll.csv").write_text(roll_of(20))

    said = [run("office", "import", "roll.csv"), *loaded(), *loaded("x.ledger")]
    said += [run("ledger", "export", "stick", "--site", "north-1")]
    said += [run("ledger", "verify", "stick", "--site", "north-1")]

    assert [(one.exit_code, one.stderr) for one in said] == [(0, "")] * len(said)


_IMPORT = """
import re, sys
from pathlib import Path
from appliance import cli
try:
    cli.cli(["office", "import", "roll.csv"])
finally:  # not ru_maxrss, which begins with that of the process that started this one
    peak = re.search("VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())
    print(int(peak[1]) // 1_024, file=sys.stderr)
"""


@pytest.mark.draws
@pytest.mark.heavy
def test_a_hundred_thousand_are_imported_in_bounded_memory(desk, monkeypatch):
    Path("roll.csv").write_text(roll_of(A_LOT))

    done = subprocess.run(
        [sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True, timeout=600
    )

    assert done.stdout.startswith(f"{A_LOT} residents enrolled")
    assert 30 < int(done.stderr) < MOST_MEGABYTES
    since = begin_of_last(monkeypatch)
    loaded()
    Path("last").write_text(run("office", "issue", f"r{A_LOT - 1}").stdout)
    assert judged("last", at=since) == ["GREEN OPEN"]
    assert len(listed()) == 1 + A_LOT
    again = run("office", "import", "roll.csv", "--skip-enrolled")
    assert again.stdout.startswith(f"0 residents enrolled, {A_LOT} passed over")
