"""The units at work under a real systemd: locked down as they say, started again whenever they
are killed or hang, and the relay low whatever dies. No hardware: the pin is kept in a file."""

import hashlib
import json
import os
import random
import sys
import time
from functools import partial

import box
import pytest
import unit_files
from box import Box
from click.testing import CliRunner
from gatehouse import Canary
from test_units import FLOORS

from appliance.cli import cli
from appliance.update import autoboot
from hw.sim import album
from hw.sim.optics import Shot
from hw.sim.photos import empty_scene, photograph
from hw.sim.pins import edges_of

pytestmark = pytest.mark.heavy

HOME = "var/lib/yardpass"
UNITS = ("yardpass-relay", "yardpass-gate", "yardpass-sync", "yardpass-console@console")
MAX_PULSE_MS, SLACK_MS = 5_000, 50  # a site's that says nothing, and what is promised on top
WATCHDOG_SECONDS = 2
CONSOLE_SECONDS = 10  # behind a new box's code it opens the store and draws, in one turn
ROUNDS = int(os.environ.get("YARDPASS_KILLS", "20"))
SSID, PASSWORD = "Haus; [7] \u00fc", "a pass word"
FIXED = ("--ip", "10.7.0.5/24", "--gateway", "10.7.0.1", "--dns", "10.7.0.2", "--dns", "10.7.0.3")
PULSE = f"""\
import sys; sys.path.insert(0, "/usr/lib/yardpass")
import time
from hw.relay_line import RelayLine, RelayLineOptions
def wait(seconds):
    print("on", flush=True)
    time.sleep(60)
line = RelayLine(RelayLineOptions("/run/yardpass-relay/relay.sock"), wait=wait)
line.pulse({MAX_PULSE_MS}, way_out=True)
"""
PROBE = """\
import ctypes, json, os, socket
def may(act):
    try:
        act()
    except OSError as error:
        return error.strerror
    return True
def inet():
    line = socket.socket()
    line.settimeout(0.2)
    line.connect(("127.0.0.1", 7461))
def relay():
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.connect("/run/yardpass-relay/relay.sock")
handed = os.environ.get("CREDENTIALS_DIRECTORY")
timex = ctypes.create_string_buffer(512)
found = {
    "uid": os.getuid(),
    "inet": may(inet),
    "relay": may(relay),
    "terminal.key": may(lambda: open("/var/lib/yardpass/terminal.key").close()),
    "store": may(lambda: open("/var/lib/yardpass/store/store.db", "r+").close()),
    "settings": may(lambda: open("/var/lib/yardpass/site.toml").close()),
    "write": may(lambda: open("/var/lib/yardpass/new", "w").close()),
    "usr": may(lambda: open("/usr/new", "w").close()),
    "mount": may(lambda: os.chroot("/")),
    "credentials": sorted(os.listdir(handed)) if handed else [],
    "others": sorted(pid for pid in os.listdir("/proc") if pid.isdigit()),
    "clock": ctypes.CDLL(None).adjtimex(timex),
}
print("probe " + json.dumps(found))
"""
NOT_OF_A_PROBE = (
    "Exec",
    "Type=",
    "WatchdogSec",
    "Restart",
    "Standard",
    "TTY",
    "Condition",
    "RuntimeDirectory",
)
"""Lines of a unit that are about its process, not about what that may do."""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """The box: provisioned by an office, at its first boot a terminal, enrolled, all units up."""
    if os.getuid() or box.MISSING:
        pytest.skip(f"needs root and {', '.join(box.MISSING) or 'nothing else'}")
    folder = tmp_path_factory.mktemp("box")
    made = Box(folder)
    made.furnish()
    allow_pins(made.root)
    on_no_screen(made.root)
    try:
        made.start()
        settle(made, folder / "desk")
        made.run("systemctl", "start", "yardpass.target", "yardpass-console@console")
        made.wait_for_units(UNITS)
        yield made
    finally:
        made.stop()


def main(*words):
    done = CliRunner().invoke(cli, [str(word) for word in words])
    assert done.exit_code == 0, done.output


def settle(made, desk):
    """A terminal that leads out: whatever it sees, it opens."""
    boot, home = made.root / "boot/firmware/yardpass", made.root / HOME
    office = ("--office", desk / "office")
    desk.mkdir()
    boot.parent.mkdir(parents=True)
    main("office", "init", *office, "--site", "hz07")
    (desk / "pin").write_text("493027\n")
    (desk / "pin").chmod(0o600)
    main("office", "guard", *office, "anna", "--to", desk / "keys", "--pin-file", desk / "pin")
    post = ("--name", "north-1", "--gate", "north", "--direction", "out", "--camera", "files")
    (desk / "wifi").write_text(f"{PASSWORD}\n")
    network = ("--wifi", SSID, "--wifi-password", desk / "wifi", *FIXED)
    main("provision", boot, *office, *post, *network, "--guards", desk / "keys/guards")
    done = made.run("systemctl", "start", "yardpass-first-boot")
    assert done.returncode == 0, made.journal("yardpass-first-boot")
    done = made.run("systemctl", "start", "yardpass-console@console")
    assert done.returncode == 0  # it is up while it shows the code: nothing waits for the office
    made.wait(lambda: "waiting until the ledger names this box" in made.screen(), "the code")
    main("office", "terminal", *office, "north-1", "--enrol", boot / "enrolment.txt")
    main("office", "publish", *office, made.root / "srv/public")
    said = made.run("yardpass", "ledger", "import", "/srv/public", "--site", f"/{HOME}")
    assert said.returncode == 0, said.stderr
    equip(home)


def equip(home):
    """No hardware: the pin is a file, the camera shows pictures."""
    text = (home / "site.toml").read_text()
    for old, new in (
        ('["pictures"]', '["pictures"]\nrepeat = true'),
        ("pin = 17", 'pin = 17\nfactory = "file"\npins_file = "/var/lib/pins/pins.txt"\n'
         f'max_pulse_ms = {MAX_PULSE_MS}\ngap_ms = 0'),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    (home / "site.toml").write_text(text)
    (home / "pictures").mkdir(exist_ok=True)
    album.save(empty_scene(seed=9), home / "pictures" / "0.png")
    album.save(photograph("HTTPS://EXAMPLE.ORG/", Shot(side=0.4), seed=1), home / "pictures/1.png")
    for path in (home / "pictures", *(home / "pictures").iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)


def allow_pins(root):
    """The pin in a file that outlives its process, and watchdogs that need not be waited for."""
    (root / "var/lib/pins").mkdir()
    (root / "var/lib/pins").chmod(0o777)
    for unit in ("yardpass-relay", "yardpass-gate", "yardpass-sync", "yardpass-console@"):
        folder = root / f"etc/systemd/system/{unit}.service.d"
        folder.mkdir(parents=True)
        pins = "ReadWritePaths=/var/lib/pins\n" if unit == "yardpass-relay" else ""
        seconds = CONSOLE_SECONDS if unit == "yardpass-console@" else WATCHDOG_SECONDS
        text = f"[Service]\nWatchdogSec={seconds}\nTimeoutAbortSec=1\n{pins}"
        (folder / "test.conf").write_text(text)


def on_no_screen(root):
    """A container has no tty1."""
    folder = root / "etc/systemd/system/yardpass-first-boot.service.d"
    folder.mkdir(parents=True)
    (folder / "test.conf").write_text("[Service]\nStandardOutput=journal\n")


def pid_of(made, unit):
    return int(made.get(unit, "MainPID"))


def renewed(made, unit, before):
    """Whether the unit runs again, with another process."""
    return made.get(unit, "SubState") == "running" and pid_of(made, unit) not in (0, before)


@pytest.fixture
def probe(running):
    """What a process can do in the place of a unit's own."""
    (running.root / "usr/lib/probe.py").write_text(PROBE)

    def of(unit):
        name = "yardpass-probe.service"
        text = running.run("systemctl", "cat", f"{unit}.service").stdout
        kept = [line for line in text.splitlines() if not line.startswith(NOT_OF_A_PROBE)]
        start = ["[Service]", "Type=oneshot", "ExecStart=/usr/bin/python3 /usr/lib/probe.py"]
        whole = "\n".join([*kept, *start])
        running.run("sh", "-c", f"cat >/run/systemd/system/{name} <<'END'\n{whole}\nEND")
        running.run("systemctl", "daemon-reload")
        done = running.run("systemctl", "start", name)
        lines = [line for line in running.journal(name).splitlines() if line.startswith("probe ")]
        assert lines, (done.stderr, running.journal(name))
        return json.loads(lines[-1].removeprefix("probe "))

    return of


def test_all_units_run_and_none_has_failed(running):
    failed = running.run("systemctl", "--failed", "--no-legend", "--plain").stdout
    states = {unit: running.get(unit, "ActiveState") for unit in UNITS}

    assert (failed, states) == ("", dict.fromkeys(UNITS, "active"))
    restarts = {unit: running.get(unit, "NRestarts") for unit in UNITS}
    told = "".join(running.journal(unit)[-2_000:] for unit in UNITS if restarts[unit] != "0")
    assert restarts == dict.fromkeys(UNITS, "0"), told


def test_the_first_boot_showed_what_to_compare_and_left_no_secret_behind(running):
    said = running.journal("yardpass-first-boot")

    assert "genesis policy " in said
    assert "YPT1:" in said
    left = {path.name for path in (running.root / "boot/firmware/yardpass").iterdir()}
    assert left == {"site.toml", "genesis.policy", "auditor.pub", "enrolment.txt"}
    owners = running.run(
        "sh", "-c", f"cd /{HOME}; stat -c '%a %U:%G %n' *.key store store/store.db"
    ).stdout
    assert owners.splitlines() == [
        "600 root:root link.key",
        "600 root:root terminal.key",
        "2770 root:yardpass store",
        "660 root:yardpass store/store.db",
    ]
    again = running.run("systemctl", "start", "yardpass-first-boot")
    assert (again.returncode, running.get("yardpass-first-boot", "ConditionResult")) == (0, "no")


def test_the_screen_showed_the_code_until_the_box_was_enrolled_and_then_the_console(running):
    code, _, after = running.screen().partition("waiting until the ledger names this box")

    assert "YPT1:" in code
    running.wait(
        lambda: "north-1" in running.screen().rpartition("Enter goes on")[2], "the console"
    )
    assert "north-1" in after
    assert "north-1" not in running.journal("yardpass-console@console")  # it draws on its screen


def test_the_gate_sees_records_and_opens(running):
    running.wait(lambda: "opens" in running.journal("yardpass-gate"), "the gate to open")
    running.wait(lambda: pins(running), "the pin to move")

    said = running.run("yardpass", "ledger", "status", "--site", f"/{HOME}")

    assert said.returncode == 0, said.stderr


def pins(made):
    path = made.root / "var/lib/pins/pins.txt"
    return edges_of(path.read_bytes()) if path.exists() else []


def test_the_doctor_finds_every_service_at_work_and_the_terminal_known(running):
    said = running.run("yardpass", "doctor", "--settings", f"/{HOME}/site.toml", "--json").stdout

    found = {line["part"]: line for line in json.loads(said)["lines"]}
    for part in ("terminal", "peers", "relay", "decision", "camera", "other units", *UNITS[:3]):
        assert found[part]["level"] == "OK", found[part]
    assert " entries" in found["ledger"]["found"]
    assert "yardpass-gate looks through it" in found["camera"]["found"]


CONNECT = f"""\
import socket
line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
line.connect("/{HOME}/store/gate.sock")
"""


def test_the_console_reaches_the_gate_and_alone_reads_the_keys_of_guards(running):
    owner = running.run("stat", "-c", "%a %U %n", f"/{HOME}/guards/anna.key").stdout
    said = running.run("python3", "-c", CONNECT, user="yardpass-console")
    stranger = running.run("python3", "-c", CONNECT, user="yardpass-relay")

    assert owner == f"600 yardpass-console /{HOME}/guards/anna.key\n"
    assert (said.returncode, said.stderr) == (0, "")
    assert "PermissionError" in stranger.stderr


def test_the_systemd_of_the_box_says_the_same_of_the_units(running):
    """An analyser knows the keys of its own version alone; the other run is in test_units.py."""
    names = [path.name.replace("@.", "@tty1.") for path in unit_files.UNITS]
    checked = running.run("systemd-analyze", "verify", "--man=no", "yardpass.target", *names)
    sys.stdout.write(running.run("systemctl", "--version").stdout.split("\n")[0] + "\n")
    for name in names:
        most = FLOORS.get(name.removesuffix(".service"), 1.0)
        threshold = f"--threshold={round(10 * most)}"
        said = running.run("systemd-analyze", "security", "--offline=true", threshold, name)
        sys.stdout.write(said.stdout.splitlines()[-1].strip("→ ") + "\n")
        assert said.returncode == 0, name

    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_real_networkmanager_takes_the_network_of_the_parcel(running):
    fields = "802-11-wireless.ssid,802-11-wireless-security.key-mgmt,802-11-wireless-security.psk,"
    fields += "ipv4.method,ipv4.addresses,ipv4.gateway,ipv4.dns,ipv6.method"
    assert running.run("systemctl", "start", "NetworkManager").returncode == 0
    try:
        names = running.run("nmcli", "-g", "NAME,TYPE,FILENAME", "connection", "show").stdout
        words = ("--show-secrets", "-e", "no", "-g", fields, "connection", "show", "yardpass-wifi")
        told = running.run("nmcli", *words).stdout.splitlines()
    finally:
        running.run("systemctl", "stop", "NetworkManager")

    file = f"/{HOME}/network/yardpass-wifi.nmconnection"
    assert [one for one in names.splitlines() if ":loopback:" not in one] == [
        f"yardpass-wifi:802-11-wireless:{file}"
    ]
    key = hashlib.pbkdf2_hmac("sha1", PASSWORD.encode(), SSID.encode(), 4_096, 32).hex()
    assert told == [
        SSID, "wpa-psk", key, "manual", "10.7.0.5/24", "10.7.0.1", "10.7.0.2,10.7.0.3", "auto"
    ]  # fmt: skip


def test_only_sync_listens_and_only_at_its_port(running):
    states = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}  # listens; takes from anybody
    listening = set()
    for kind, state in states.items():
        rows = running.run("cat", f"/proc/net/{kind}").stdout.splitlines()[1:]
        words = [row.split() for row in rows]
        listening |= {
            (kind[:3], int(one[1].rpartition(":")[2], 16)) for one in words if one[3] == state
        }

    assert listening == {("tcp", 7461)}


def test_the_relay_sees_no_store_no_secret_and_no_network(probe):
    found = probe("yardpass-relay")

    assert found["settings"] is True
    assert found["credentials"] == []
    assert "1" not in found["others"]  # it sees no process but its own user's
    for name in ("inet", "terminal.key", "store", "write", "usr", "mount"):
        assert found[name] is not True, name


def test_the_gate_has_its_key_the_store_and_the_state_of_the_clock_and_nothing_beside(probe):
    found = probe("yardpass-gate")

    assert found["credentials"] == ["site.secret", "terminal.key"]
    assert (found["store"], found["settings"]) == (True, True)
    assert found["clock"] >= 0  # else no code could ever be green
    for name in ("inet", "terminal.key", "write", "usr", "mount"):
        assert found[name] is not True, name


RAUC = """\
#!/bin/sh
for last; do :; done
case "$1" in
info) cat "$last" ;;
install) until [ -e /persistent/go ]; do sleep 0.1; done; cp "$last" /persistent/installed ;;
esac
"""
"""One that believes everybody, and writes as long as a test likes: RAUC itself is tried in the
twin."""
STICK = """\
[Mount]
What=/srv/stick
Type=none
Options=
Options=bind
"""
CMDLINE = "[Service]\nBindReadOnlyPaths=/etc/cmdline:/proc/cmdline\n"
ALONE = f"""\
{CMDLINE}
ExecStartPost=
ExecStartPost=+/bin/touch /persistent/would-restart
"""


def as_a_box(made):
    """What an image has over a container: two slots, a version, a data partition."""
    for name, text in {
        "etc/rauc/system.conf": "",
        "etc/cmdline": "yardpass.partition=2 yardpass.tryboot=0\n",
        "bootfs/autoboot.txt": autoboot.text_of("a").decode(),
        "persistent/README": "",
        "usr/bin/rauc": RAUC,
        "etc/systemd/system/yardpass-update.service.d/test.conf": ALONE,
        "etc/systemd/system/yardpass-update-stick.service.d/test.conf": CMDLINE,
        "etc/systemd/system/run-yardpass_stick.mount.d/test.conf": STICK,
    }.items():
        (made.root / name).parent.mkdir(parents=True, exist_ok=True)
        (made.root / name).write_text(text)
    (made.root / "usr/bin/rauc").chmod(0o755)
    with (made.root / "usr/lib/os-release").open("a") as file:
        file.write("IMAGE_ID=yardpass-box\nIMAGE_VERSION=0.1.0-1\n")
    made.run("systemctl", "daemon-reload")


def test_a_stick_s_update_is_installed_though_it_is_pulled_by_root_without_its_rights(
    running, probe
):
    as_a_box(running)
    told = json.dumps({"compatible": "yardpass-box", "version": "0.1.0-2"})
    persistent, stick = running.root / "persistent", running.root / "srv/stick/update"
    stick.mkdir(parents=True)
    (stick / "v2.raucb").write_text(told)
    (stick / "not-newer.raucb").write_text(told.replace("-2", "-1"))

    done = running.run("systemctl", "start", "yardpass-update-stick")
    assert done.returncode == 0, running.journal("yardpass-update-stick")
    running.wait(lambda: state_of(persistent) == "writing", "the writing")
    copied = (stick / "OUTCOME.txt").read_text()
    running.run("systemctl", "stop", "run-yardpass_stick.mount")
    mounts = running.run("cat", "/proc/mounts").stdout
    (persistent / "go").touch()
    running.wait((persistent / "would-restart").exists, "the restart")
    found = probe("yardpass-update")

    assert copied == "0.1.0-2 is copied and will be installed; the stick can be taken out\n"
    assert "yardpass_stick" not in mounts
    assert (persistent / "installed").read_text() == told
    assert state_of(persistent) == "written"
    assert (found["uid"], found["relay"], found["store"]) == (0, True, True)
    for name in ("inet", "write", "usr", "mount"):
        assert found[name] is not True, name


def test_a_terminal_takes_a_newer_ledger_from_a_stick_by_root_without_its_rights(running):
    office = ("--office", running.root.parent / "desk" / "office")
    drop_in = running.root / "etc/systemd/system/run-yardpass_stick.mount.d/test.conf"
    stick = running.root / "srv/stick"
    for path in (drop_in.parent, stick):
        path.mkdir(parents=True, exist_ok=True)
    drop_in.write_text(STICK)
    running.run("systemctl", "daemon-reload")
    before = ledger_size(running)
    main("office", "enrol", *office, "Mei")
    main("office", "publish", *office, stick / "ledger.yardpass")

    done = running.run("systemctl", "start", "yardpass-stick-ledger")

    assert done.returncode == 0, running.journal("yardpass-stick-ledger")
    assert ledger_size(running) > before
    store = running.root / HOME / "store"
    assert {path.stat().st_mode & 0o777 for path in store.glob("store.db*")} == {0o660}
    (stick / "ledger.yardpass").write_bytes(b"no ledger")
    assert running.run("systemctl", "start", "yardpass-stick-ledger").returncode != 0
    assert "no ledger file" in running.journal("yardpass-stick-ledger")
    running.run("systemctl", "reset-failed", "yardpass-stick-ledger")
    running.run("systemctl", "stop", "run-yardpass_stick.mount")


def ledger_size(made):
    said = made.run("yardpass", "ledger", "status", "--site", f"/{HOME}", "--json")
    return json.loads(said.stdout)["size"]


def state_of(persistent):
    file = persistent / "update.json"
    return json.loads(file.read_text())["state"] if file.exists() else ""


def test_sync_has_the_network_and_not_the_gates_key(probe):
    found = probe("yardpass-sync")

    assert (found["inet"], found["store"]) == (True, True)
    assert found["credentials"] == ["link.key", "site.secret"]
    for name in ("terminal.key", "write", "usr", "mount"):
        assert found[name] is not True, name


def test_the_console_has_no_network_and_no_key(probe):
    found = probe("yardpass-console@console")

    assert found["credentials"] == ["site.secret"]
    for name in ("inet", "terminal.key", "write", "usr", "mount"):
        assert found[name] is not True, name


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_that_is_killed_is_there_again(running, unit):
    before = pid_of(running, unit)

    running.run("sh", "-c", f"kill -9 {before}")

    running.wait(lambda: renewed(running, unit, before), f"{unit} to start again")


@pytest.mark.parametrize("unit", UNITS)
def test_a_loop_that_hangs_is_bitten_by_the_watchdog(running, unit):
    before = pid_of(running, unit)
    bites = running.journal(unit).count("Watchdog timeout")

    running.run("sh", "-c", f"kill -STOP {before}")

    running.wait(lambda: renewed(running, unit, before), f"{unit} to be bitten")
    assert running.journal(unit).count("Watchdog timeout") == bites + 1


def high_ms(edges, since):
    """The longest time that the pin was on from these ticks, None if it still is."""
    longest, began = 0.0, None
    for edge in edges:
        if edge.ticks < since:
            continue
        if edge.level:
            began = edge.ticks
        elif began is not None:
            longest, began = max(longest, (edge.ticks - began) / 1e6), None
    return None if began is not None else longest


def is_off(made, since, end):
    """Whether the pin went off again, or had its time to."""
    return high_ms(pins(made), since) is not None or time.monotonic_ns() > end


@pytest.fixture(scope="module")
def quiet(running):
    """The box, and nobody before its camera: a gate that opens would lengthen the pulse."""
    running.wait(lambda: "opens" in running.journal("yardpass-gate"), "the gate to open")
    (running.root / HOME / "pictures" / "1.png").unlink()
    running.run("systemctl", "restart", "yardpass-gate")
    running.wait(lambda: pins(running)[-1].level == 0, "the pin to be low")
    return running


VICTIMS = ("relay", "relay and heir", "gate", "client", "sync")


@pytest.mark.parametrize("victim", VICTIMS)
def test_the_relay_is_low_after_the_longest_pulse_whoever_is_killed(quiet, victim):
    """What this machine wakes a sleeping thread late is given on top, as in tests of relayd."""
    chance = random.Random(victim)
    with Canary() as canary:
        worst = max(pulsed(quiet, victim, chance) for _ in range(ROUNDS // len(VICTIMS)))

    late = canary.late_ms
    sys.stdout.write(f"{victim} killed: on for {worst:.0f} ms at most, woken {late:.0f} ms late\n")
    assert worst <= MAX_PULSE_MS + SLACK_MS + late


def pulsed(running, victim, chance):
    """How long the pin was on, in ms, in a longest pulse amid which that one is killed."""
    running.wait(lambda: running.get("yardpass-relay", "SubState") == "running", "the relay")
    since = time.monotonic_ns()
    client = running.begin("python3", "-c", PULSE)
    try:
        assert client.stdout.readline() == "on\n", client.stderr.read()
        time.sleep(chance.uniform(0, 0.4))
        kill(running, victim, client)
        end = since + (MAX_PULSE_MS + 3_000) * 1_000_000
        running.wait(partial(is_off, running, since, end), "the pin")
    finally:
        client.kill()
        client.wait(box.LIMIT_SECONDS)
        client.stdout.close()
        client.stderr.close()
    found = high_ms(pins(running), since)
    assert found is not None, "the pin stayed on"
    return found


def kill(made, victim, client):
    if victim == "client":
        client.kill()
    elif victim == "relay and heir":
        made.run("systemctl", "kill", "--signal=KILL", "--kill-whom=all", "yardpass-relay")
    else:
        made.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", f"yardpass-{victim}")


def test_stopping_everything_leaves_the_pin_low_and_no_process(running):
    running.run("systemctl", "stop", *UNITS)

    assert [running.get(unit, "ActiveState") for unit in UNITS] == ["inactive"] * len(UNITS)
    assert pins(running)[-1].level == 0
    assert "State 'stop-sigterm' timed out" not in "".join(map(running.journal, UNITS))
