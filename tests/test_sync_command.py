"""`yardpass sync` as it is started: what it needs, what it says of its peers, how it ends."""

import json
import signal
import socket
import subprocess
import time

import pytest
from desk import YARDPASS

from appliance.gate import doorbell
from appliance.settings import load
from ledger_sync import peers_file

WAIT_SECONDS = 20


@pytest.fixture
def site(desk, main):
    """A terminal whose ledger names it, listening at a port of its own."""
    assert main("office", "publish", "public")[0] == 0
    assert main("ledger", "import", "public", "--site", "north-1")[0] == 0
    path = desk / "north-1" / "site.toml"
    listen_alone(path)
    return path


def listen_alone(path):
    """At a port that nobody else has."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    path.write_text(path.read_text().replace('"0.0.0.0:7461"', f'"127.0.0.1:{port}"'))


def started(path):
    return subprocess.Popen(
        [YARDPASS, "sync", "--settings", path], stderr=subprocess.PIPE, text=True
    )


def wait_for(is_so):
    ends = time.monotonic() + WAIT_SECONDS
    while not is_so() and time.monotonic() < ends:
        time.sleep(0.02)
    assert is_so()


def test_it_ends_in_order_and_leaves_no_socket(site, main):
    bell = site.parent / doorbell.NAME
    process = started(site)
    wait_for(bell.exists)
    wait_for((site.parent / "peers.json").exists)
    told = main("ledger", "status", "--site", "north-1")[1]

    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=WAIT_SECONDS)[1]

    assert (process.returncode, said) == (0, "")
    assert "this ledger names no other terminal" in told
    assert not bell.exists()
    assert json.loads((site.parent / "peers.json").read_text())["peers"] == []


def test_a_second_one_for_the_same_terminal_is_told_of_the_first(site):
    first = started(site)
    wait_for((site.parent / doorbell.NAME).exists)

    second = started(site)
    said = second.communicate(timeout=WAIT_SECONDS)[1]
    first.terminate()
    first.communicate(timeout=WAIT_SECONDS)

    assert second.returncode == 1
    assert "is another yardpass sync running here?" in said


def test_a_terminal_that_no_ledger_names_is_told_what_to_do(desk, main):
    code, out, err = main("sync", "--settings", "north-1/site.toml")

    assert (code, out) == (1, "")
    assert "names no terminal north-1; publish it and import it here" in err


def test_a_link_key_that_is_not_of_the_certificate_stops_the_start(site, main):
    key = site.parent / "terminal.key"
    (site.parent / "link.key").write_bytes(key.read_bytes())

    code, _, err = main("sync", "--settings", site)

    assert code == 1
    assert "is not the key of" in err


def test_an_address_that_cannot_be_listened_at_is_named(site, main):
    site.write_text(site.read_text().replace("127.0.0.1:", "192.0.2.1:"))

    code, _, err = main("sync", "--settings", site)

    assert code == 1
    assert "yardpass: 192.0.2.1:" in err
    assert "cannot be listened at" in err
    assert "change [sync] listen" in err


def test_the_settings_of_devices_are_none_of_its_business(site):
    site.write_text(site.read_text().replace("[camera]", "[camera]\nnonsense = 1"))

    settings = load(site, has_devices=False)

    assert settings.camera.options["nonsense"] == 1


def test_a_gate_rings_and_the_peers_file_names_who_is_away(desk, main, monkeypatch):
    """Two terminals in the ledger, one of which nobody runs."""
    words = ("--gate", "south", "--camera", "files", "--relay", "sim")
    main("office", "terminal", "south-1", "--name", "south-1", *words, "--address", "127.0.0.1:9")
    main("office", "publish", "public")
    main("ledger", "import", "public", "--site", "north-1")
    path = desk / "north-1" / "site.toml"
    listen_alone(path)
    process = started(path)
    status = desk / "north-1" / "peers.json"
    wait_for(lambda: status.exists() and json.loads(status.read_text())["peers"])

    found = json.loads(status.read_text())["peers"]
    said = main("ledger", "status", "--site", "north-1")[1]
    process.terminate()
    process.communicate(timeout=WAIT_SECONDS)

    assert [one["name"] for one in found] == ["south-1"]
    assert found[0]["state"] in ("connecting", "away")
    assert peers_file.sentence(found[0]) in said.splitlines()
    assert status.stat().st_size < 1_000
