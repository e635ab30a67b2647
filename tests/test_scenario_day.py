"""A day at one gate, with the real programs: `yardpass gate` with a camera, a PC/SC reader and an
OSDP reader at once, `yardpass relay` on pins in a file, a real pcscd. Everything breaks once.

pcscd and the gate run in a network and mount namespace of their own (see test_pcsc_real.py). Needs
root, pcscd, vsmartcard-vpcd and pyscard; fails and says what is missing.
"""

import json
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from hw.readers.osdp_key import text_of
from hw.sim.photos import empty_scene
from hw.sim.pins import edges_of
from ledger_sync import cbor, keyfile
from ledger_sync.keys import ES256, SigningKey

pytestmark = pytest.mark.heavy
YARDPASS = Path(sys.executable).with_name("yardpass")
WAIT_S = 30.0
BACK_S = 5.0  # a card reader that came back reads the next card within this; OSDP within 10.5
OSDP_BACK_S = 10.5
PIN = 17
NUMBER, BITS = "02ab12cd", "26"
VPCD = """FRIENDLYNAME "Virtual PCD"
DEVICENAME /dev/null:0x8C7B
LIBPATH /usr/lib/pcsc/drivers/serial/libifdvpcd.so
CHANNELID 0x8C7B
"""
HOLDER = (
    "mount -t tmpfs none /run && mkdir -p /run/pcscd && ip link set lo up && echo up && exec cat"
)


def yardpass(*words, folder):
    """One command, to its end."""
    command = [YARDPASS, *map(str, words)]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


class Program:
    """A program at work, and the lines it says."""

    def __init__(self, words, folder, within=None):
        enter = ["nsenter", "--target", str(within), "--net", "--mount"] if within else []
        self.process = subprocess.Popen(
            [*enter, *map(str, words)], cwd=folder, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.lines, self._new = [], queue.Queue()
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            self._new.put(line.rstrip())

    def wait(self, pattern, seconds=WAIT_S):
        """The next line with this in it, and how long it took."""
        began = time.monotonic()
        while True:
            left = began + seconds - time.monotonic()
            try:
                line = self._new.get(timeout=max(0.0, left))
            except queue.Empty:
                raise AssertionError(f"no {pattern!r} in {self.lines}") from None
            if re.search(pattern, line):
                return line, time.monotonic() - began

    def say(self, line):
        print(line, file=self.process.stdin, flush=True)

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(WAIT_S)
        self._listener.join(WAIT_S)
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.returncode


class Day:
    """The compound, its gate and everything around it."""

    def __init__(self, folder):
        for tool in ("unshare", "nsenter", "ip", "pcscd"):
            assert shutil.which(tool), f"{tool} is not installed; see heavy_packages of .ci/run"
        assert find_spec("smartcard"), "pyscard is not installed; pip install -e '.[pcsc]'"
        self.folder, self.site = folder, folder / "north-1"
        self.gate = self.osdp = self.relay = self.pcscd = None
        self.readers = readers_folder(folder)
        self.furnish()
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-c", HOLDER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._holder.stdout.readline() == "up\n", "no namespace can be made here"

    def begin(self):
        """Everything at work."""
        folder = self.folder
        self.start_pcscd()
        self.start_relay()
        words = ["sim", "reader", "osdp", "--port", "osdp.tty", "--key", "osdp.key"]
        self.osdp = Program([YARDPASS, *words], folder)
        self.osdp.wait("is on osdp.tty")
        self.gate = Program(
            [YARDPASS, "gate", "--settings", self.site / "site.toml"], folder, self._holder.pid
        )
        self.gate.wait("pcsc.*is here")
        self.gate.wait("osdp.*is here")

    def furnish(self):
        """An office, its residents, cards and readers, a terminal with all of it."""
        folder = self.folder
        for name in ("card", "maker"):
            key = SigningKey(ES256, name.encode().ljust(32, b"-"))
            keyfile.write_key(folder / f"{name}.key", key)
            (folder / f"{name}.cose").write_bytes(cbor.encode(key.public.to_cose()))
            setattr(self, name, key.public.raw.hex())
        (folder / "osdp.key").write_bytes(text_of(b"one key of 16 b."))
        (folder / "osdp.key").chmod(0o600)
        (folder / "rule.json").write_text('{"number": "green"}')
        run = lambda *words: yardpass("office", *words, folder=folder)  # noqa: E731 - of this desk
        run("init", "--site", "hz07")
        run("enrol", "Chen", "--print", "chen.png")
        run("issuer", "maker", "--key", "maker.cose", "--cards-only")
        run("card", "Anna", self.card, "--certified")
        run("card", "Bert", NUMBER, "--bits", BITS)
        run("rule", "rule.json")
        words = ["--gate", "north", "--camera", "files", "--relay", "gpio", "--pin", PIN]
        run("terminal", "north-1", "--name", "north-1", *words)
        self.publish()
        (self.site / "pictures").mkdir(exist_ok=True)
        self.look_at(None)
        text = (self.site / "site.toml").read_text()
        text = text.replace('paths = ["pictures"] ', 'paths = ["pictures"]\nrepeat = true ')
        text = text.replace(f"pin = {PIN}", f'pin = {PIN}\nfactory = "file"\ngap_ms = 0')
        text = text.replace("pulse_ms = 700", "pulse_ms = 100")
        text += '\n[[reader]]\ndriver = "pcsc"\n'
        port, key = folder / "osdp.tty", folder / "osdp.key"
        text += f'\n[[reader]]\ndriver = "osdp"\nport = "{port}"\nkey = "{key}"\n'
        (self.site / "site.toml").write_text(text)

    def publish(self):
        yardpass("office", "publish", "public", folder=self.folder)
        yardpass("ledger", "import", "public", "--site", "north-1", folder=self.folder)

    def start_pcscd(self):
        words = ["pcscd", "--foreground", "--config", self.readers]
        self.pcscd = Program(words, self.folder, self._holder.pid)

    def start_relay(self):
        words = [YARDPASS, "relay", "--settings", self.site / "site.toml"]
        self.relay = Program(words, self.folder)
        ends, asked = time.monotonic() + WAIT_S, None
        while asked is None or (asked.returncode and time.monotonic() < ends):
            asked = subprocess.run([*words, "--state"], capture_output=True, check=False)
        assert asked.returncode == 0, asked.stderr

    def look_at(self, picture):
        """What stands before the camera: a picture, or nobody."""
        made = self.folder / "scene.png"
        if picture is None:
            Image.fromarray(empty_scene(seed=1)).save(made)
        else:
            Image.open(self.folder / picture).convert("L").save(made)
        made.replace(self.site / "pictures" / "scene.png")

    def tap(self, mode="pkoc-v2"):
        """A virtual card on the PC/SC reader: the line of its check."""
        keys = ["--key", self.folder / "card.key", "--issuer", self.folder / "maker.key"]
        words = ["sim", "card", "--mode", mode, *keys]
        card = Program([YARDPASS, *words], self.folder, self._holder.pid)
        try:
            return self.gate.wait("GREEN|YELLOW|RED|GREY")
        finally:
            card.end()

    def swipe(self, number=NUMBER, bits=BITS, seconds=WAIT_S):
        """A card on the OSDP reader: the line of its check."""
        self.osdp.say(f"card {number} {bits}")
        return self.gate.wait("GREEN|YELLOW|RED|GREY", seconds)

    def close(self):
        for program in filter(None, (self.gate, self.osdp, self.relay, self.pcscd)):
            program.end()
        self._holder.communicate(timeout=WAIT_S)


def readers_folder(folder):
    """pcscd's settings: the virtual reader alone."""
    (folder / "readers").mkdir()
    (folder / "readers" / "vpcd").write_text(VPCD)
    return folder / "readers"


@pytest.fixture
def day(tmp_path):
    made = Day(tmp_path)
    try:
        made.begin()
        yield made
    finally:
        made.close()


def says(line):
    """The colour and the reasons of a check's line, and whether the gate opened."""
    colour = re.search("GREEN|YELLOW|RED|GREY", line)[0]
    did = re.search("opens|stays shut|guard decides", line)[0]
    return " ".join([colour, did, *re.findall(r"[RYG]-[A-Z]+", line)])


def restart_pcscd(day):
    day.pcscd.end(signal.SIGKILL)
    day.gate.wait("pcsc: .")
    day.start_pcscd()
    day.gate.wait("pcsc.*is here")
    return day.tap()


def cut_osdp(day):
    day.osdp.say("cut")
    day.gate.wait("osdp.*: .")
    day.osdp.say("mend")
    day.gate.wait("osdp.*is here", OSDP_BACK_S)
    return day.swipe(seconds=OSDP_BACK_S)


def look(day):
    day.look_at("chen.png")
    found = day.gate.wait("GREEN|YELLOW|RED|GREY")
    day.look_at(None)
    return found


def without_relay(day):
    day.relay.end(signal.SIGKILL)
    return day.tap()


def with_relay(day):
    day.start_relay()
    return day.tap()


def revoked(day):
    yardpass("office", "revoke", "Anna", "--carrier", "card", folder=day.folder)
    day.publish()
    return day.tap()


ACTS = [
    # act, how it ends where the clock is known, and where it is not (no NTP on this machine)
    (look, "GREEN opens", "GREY guard decides G-CLOCK"),
    (Day.tap, "GREEN opens", "GREY opens G-CLOCK"),
    (Day.swipe, "GREEN opens", "GREY guard decides G-CLOCK"),
    (lambda day: day.tap("rogue-issuer"), *["RED stays shut R-ISSUER"] * 2),
    (lambda day: day.tap("replay"), *["RED stays shut R-SIG"] * 2),
    (
        lambda day: day.tap("downgrade"),
        "RED stays shut R-DOWNGRADE",
        "RED stays shut R-DOWNGRADE G-CLOCK",
    ),
    (lambda day: day.swipe("ffffff", "24"), *["RED stays shut R-UNKNOWN"] * 2),
    (restart_pcscd, "GREEN opens", "GREY opens G-CLOCK"),
    (cut_osdp, "GREEN opens", "GREY guard decides G-CLOCK"),
    (without_relay, "GREEN stays shut", "GREY stays shut G-CLOCK"),
    (with_relay, "GREEN opens", "GREY opens G-CLOCK"),
    (revoked, *["RED stays shut R-REVOKED"] * 2),
    (Day.swipe, "GREEN opens", "GREY guard decides G-CLOCK"),
]


def test_a_day_with_a_camera_and_two_card_readers_in_which_everything_breaks_once(day):
    found = [act(day) for act, *_ in ACTS]

    said = [says(line) for line, _ in found]
    assert day.gate.end() == 0
    assert said in ([good for _, good, _ in ACTS], [poor for *_, poor in ACTS])
    assert found[7][1] <= BACK_S + 2  # the virtual card itself takes a second to start
    assert found[8][1] <= OSDP_BACK_S
    edges = edges_of((day.site / "pins.txt").read_bytes())
    assert sum(edge.level for edge in edges if edge.pin == PIN) == sum(
        " opens" in one for one in said
    )
    found = yardpass("ledger", "fsck", "--site", "north-1", "--json", folder=day.folder)
    assert json.loads(found) == {"ok": True, "findings": []}
    told = yardpass("ledger", "verify", "--site", "north-1", folder=day.folder)
    assert told.startswith("6 receipts of taps hold, 0 do not")
