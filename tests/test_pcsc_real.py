"""The reader on the real pcscd, with virtual cards of vsmartcard: who opens, and who comes back.

pcscd and its virtual reader run in a network and mount namespace of their own: vpcd listens on all
interfaces, and pcscd on a path that the machine's own would have. Needs root, pcscd,
vsmartcard-vpcd and pyscard; says what is missing and fails.
"""

import json
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from card_verifier import judge_certified, judge_enrolled
from pcsc_child import CODE, KEYS

from hw.cards.tap import STOPPED
from hw.ports import KeyProof
from hw.readers.pcsc import HANGS
from hw.sim.card import UID
from ledger_sync.keys import verify_es256

pytestmark = pytest.mark.heavy
CHILD = Path(__file__).with_name("pcsc_child.py")
ROOT = Path(__file__).parent.parent
TODAY = (2026, 6, 1)
ISSUERS = {b"YARDPASS--SIM-01": KEYS.issuer.public.raw}
WAIT_S = 20.0
BACK_S = 5.0  # the requirement: next card after pcscd is back
CLOSE_S = 0.5  # the port: `events` ends
HOLDER = (
    "mount -t tmpfs none /run && mkdir -p /run/pcscd && ip link set lo up && echo up && exec cat"
)


class Lab:
    """A namespace with pcscd in it, a reader that watches, and one card at a time. `told` is
    everything that the reader told, oldest first."""

    def __init__(self, config):
        for tool in ("unshare", "nsenter", "ip", "pcscd"):
            assert shutil.which(tool), f"{tool} is not installed; see heavy_packages of .ci/run"
        assert find_spec("smartcard"), "pyscard is not installed; pip install -e '.[pcsc]'"
        self.config = config
        self.told = []
        self._said = queue.Queue()
        self._pcscd = None
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-c", HOLDER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._holder.stdout.readline() == "up\n", "no namespace can be made here"
        self.start()
        self._child = self._run(
            [sys.executable, str(CHILD)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _run(self, words, **more):
        enter = ["nsenter", "--target", str(self._holder.pid), "--net", "--mount"]
        return subprocess.Popen([*enter, *words], **more)

    def _listen(self):
        for line in self._child.stdout:
            said = json.loads(line)
            if said.keys() & {"health", "card"}:
                self.told.append(said)
            self._said.put(said)

    def start(self, config=None):
        words = ["pcscd", "--foreground", "--config", str(config or self.config)]
        self._pcscd = self._run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def send(self, how):
        self._pcscd.send_signal(how)  # nsenter has become pcscd itself

    def stop(self, how=signal.SIGTERM):
        self.send(how)
        self._pcscd.wait(WAIT_S)

    def say(self, command):
        print(command, file=self._child.stdin, flush=True)

    def next(self, key):
        """The next that is said under this key; who waits in vain is told what else was."""
        until = time.monotonic() + WAIT_S
        others = []
        while True:
            try:
                said = self._said.get(timeout=max(0, until - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {key}, but {others}, after {self.told[-3:]}") from None
            if key in said:
                return said
            others.append(said)

    def show(self, mode):
        """One card held to the reader and taken away: what was told of it."""
        self.say(f"insert {mode}")
        inserted = self.next("inserted")
        card = self.next("card")
        self.say("remove")
        removed = self.next("removed")
        return card | removed | {"seconds": card["at"] - inserted["at"]}

    def close(self):
        self._child.stdin.close()
        self._listener.join(WAIT_S)
        self._child.wait(WAIT_S)
        self._child.stdout.close()
        self.stop()
        self._holder.communicate(timeout=WAIT_S)


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    """Folders of pcscd's settings: with the virtual reader, and without any."""
    folder = tmp_path_factory.mktemp("reader.conf.d")
    (folder / "with").mkdir()
    (folder / "none").mkdir()
    library = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
    (folder / "with" / "vpcd").write_text(
        'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:0x8C7B\n'
        f"LIBPATH {library}\nCHANNELID 0x8C7B\n"
    )
    return folder


@pytest.fixture
def lab(configs):
    made = Lab(configs / "with")
    yield made
    made.close()


def proof_of(told):
    return KeyProof(**{name: bytes.fromhex(value) for name, value in told["proof"].items()})


def verdict(told):
    """What the terminal makes of a card: empty if it opens."""
    if told["card"]["fault"]:
        return told["card"]["fault"]
    (asked,) = told["asked"]
    return judge_certified(
        proof_of(told),
        issuers=ISSUERS,
        today=TODAY,
        asked=bytes.fromhex(asked),
        verify=verify_es256,
    )


def report(what, shown):
    """The figures, for whoever runs this with -s."""
    seconds = sorted(round(told["seconds"], 2) for told in shown)
    sys.stdout.write(f"{what}, seconds: {seconds}\n")


MATRIX = {
    "pkoc-v2": "",
    "chained": "",
    "bit-flip": "not signed by this key",
    "replay": "not signed by this key",
    "rogue-issuer": "not by a trusted issuer",
    "expired": "not in force today",
    "stolen-certificate": "not signed by this key",
    "downgrade": "no certificate: items nothing instead of 7F21",
    "oversize": "an answer of more than 4096 bytes",
    "duplicate-tag": "item 9E comes twice",
    "stops": STOPPED,
}


def test_only_a_good_card_opens(lab):
    shown = [(mode, lab.show(mode)) for mode in MATRIX]

    assert {mode: verdict(told) for mode, told in shown} == MATRIX
    assert lab.told[0]["health"] == ""
    assert [told["card"] for told in lab.told[1:]] == [told["card"] for _, told in shown]
    assert {told["card"]["number"] for _, told in shown} == {UID.hex()}
    for mode, told in shown:
        v1 = [sent for sent, _ in told["removed"] if sent.startswith("80800001")]
        assert bool(v1) == (mode == "downgrade")


def test_the_honest_kinds_of_card_are_told_as_what_they_are(lab):
    v1, ndef, uid = (lab.show(mode) for mode in ("pkoc-v1", "ndef", "uid"))

    asked = bytes.fromhex(v1["asked"][0])[:16]  # SE V1 signs the first half
    enrolled = {KEYS.card.public.raw}
    assert judge_enrolled(proof_of(v1), enrolled=enrolled, asked=asked, verify=verify_es256) == ""
    assert [told["card"] for told in lab.told[1:]] == [
        {"number": UID.hex(), "text": "", "fault": ""},
        {"number": UID.hex(), "text": CODE.decode(), "fault": ""},
        {"number": UID.hex(), "text": "", "fault": ""},
    ]
    assert (ndef["proof"], ndef["asked"], uid["proof"], uid["asked"]) == (None, [], None, [])


def test_twenty_cards_in_a_row_are_twenty_reads(lab):
    shown = [lab.show("pkoc-v2") for _ in range(20)]

    assert [verdict(told) for told in shown] == [""] * 20
    assert [next(iter(told)) for told in lab.told] == ["health"] + ["card"] * 20
    report("from card to event", shown)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_after_a_restart_of_pcscd_the_next_card_is_read_within_five_seconds(lab, how):
    lab.next("health")
    shown = []
    for _ in range(10):
        lab.stop(how)
        assert lab.next("health")["health"]
        lab.start()
        shown.append(lab.show("pkoc-v2"))

    assert [verdict(told) for told in shown] == [""] * 10
    assert max(told["seconds"] for told in shown) < BACK_S
    well, gone, card = ("health", False), ("health", True), ("card", False)
    assert [
        ("health", bool(told["health"])) if "health" in told else ("card", bool(verdict(told)))
        for told in lab.told
    ] == [well] + 10 * [gone, well, card]
    files = [told["open_files"] for told in shown]
    assert files[-1] <= files[0], "a restart of pcscd leaves files open"
    report(f"{how.name}: from pcscd being back to the next card", shown)


def test_a_reader_that_is_unplugged_is_told_once_and_followed_back(lab, configs):
    lab.next("health")
    lab.stop()
    lab.next("health")
    lab.start(configs / "none")  # pcscd is there, the reader is not
    lab.stop()
    lab.start()
    told = lab.show("pkoc-v2")

    assert verdict(told) == ""
    assert [next(iter(one)) for one in lab.told] == ["health", "health", "health", "card"]


def closes_in_time(lab):
    lab.say("close")
    closing, ended = lab.next("closing"), lab.next("ended")
    return ended["at"] - closing["at"] < CLOSE_S


def test_close_ends_the_events_within_half_a_second(lab):
    lab.next("health")

    assert closes_in_time(lab)


def test_a_pcscd_that_hangs_is_told_and_followed_back(lab):
    lab.next("health")
    lab.send(signal.SIGSTOP)
    hangs = lab.next("health")
    lab.send(signal.SIGCONT)
    well = lab.next("health")
    told = lab.show("pkoc-v2")

    assert (hangs["health"], well["health"], verdict(told)) == (HANGS, "", "")
    assert [next(iter(one)) for one in lab.told] == ["health", "health", "health", "card"]


def test_close_does_not_wait_for_a_pcscd_that_hangs(lab):
    lab.next("health")
    lab.send(signal.SIGSTOP)
    lab.next("health")

    assert closes_in_time(lab)
    lab.send(signal.SIGCONT)
