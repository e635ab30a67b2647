"""Five terminals as real processes on a real network: cut, killed, healed, and nothing is lost.

Each terminal is a gate process and `yardpass sync` in a network namespace of its own, joined by
veth pairs and a bridge; one of them stands behind a slow cable that breaks lines. Needs root and
iproute2; says so where it cannot run.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from appliance.gate.assembly import open_replica
from appliance.gate.identity import trust_of
from appliance.office import terminal_kit
from appliance.office.office import Office
from appliance.passes import code
from appliance.passes.token import HolderClass
from appliance.settings import load
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.mirror import Mirror
from ledger_sync.shelf import Shelf
from ledger_sync.sources import FolderSource
from ledger_sync.store import Store
from ledger_sync.uses import Uses

pytestmark = pytest.mark.heavy
COUNT = 5
PORT, SLOW_PORT = 7461, 7471
HEAL_SECONDS = 20.0  # for a loaded machine; how long it took is printed, the floor is the bench's
GATEKEEPER = Path(__file__).with_name("gatekeeper.py")


def ip(*words, check=True):
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True)


def why_not():
    """Why namespaces cannot be made here, empty if they can."""
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    made = ip("netns", "add", f"yp-try-{os.getpid()}", check=False)
    if made.returncode:
        return f"no network namespaces here: {made.stderr.strip()}"
    ip("netns", "del", f"yp-try-{os.getpid()}")
    return ""


class Lab:
    """Namespaces 1 to 5 on one bridge; ends with everything removed."""

    def __init__(self):
        self.tag = f"yp{os.getpid()}"
        self.bridge = f"{self.tag}b"

    def name(self, number):
        return f"{self.tag}n{number}"

    def __enter__(self):
        ip("netns", "add", self.bridge)
        self.at(0, "ip", "link", "add", "br0", "type", "bridge")
        self.at(0, "ip", "link", "set", "br0", "up")
        for number in range(1, COUNT + 1):
            ip("netns", "add", self.name(number))
            pair = ("v0", "netns", self.name(number), "type", "veth", "peer", "name")
            ip("link", "add", *pair, f"p{number}", "netns", self.bridge)
            self.at(0, "ip", "link", "set", f"p{number}", "master", "br0", "up")
            self.at(number, "ip", "addr", "add", f"10.77.0.{number}/24", "dev", "v0")
            self.at(number, "ip", "link", "set", "v0", "up")
            self.at(number, "ip", "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        for name in (*(self.name(number) for number in range(1, COUNT + 1)), self.bridge):
            ip("netns", "del", name, check=False)

    def command(self, number, *words):
        name = self.name(number) if number else self.bridge
        return ["ip", "netns", "exec", name, *map(str, words)]

    def at(self, number, *words):
        subprocess.run(self.command(number, *words), check=True, capture_output=True)

    def cut(self, number):
        self.at(0, "ip", "link", "set", f"p{number}", "down")

    def heal(self, number):
        self.at(0, "ip", "link", "set", f"p{number}", "up")


class Box:
    """One terminal: its folder, its two processes, how many checks it said are on record."""

    def __init__(self, lab, number, folder, stack):
        self.lab, self.number, self.folder = lab, number, folder
        self.recorded = 0
        self.gate = self.sync = None
        stack.callback(self.stop)

    @property
    def site(self):
        return self.folder / "site.toml"

    def start_gate(self):
        self.gate = subprocess.Popen(
            self.lab.command(self.number, sys.executable, GATEKEEPER, self.site),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.gate.stdout.readline() == "ready\n"

    def start_sync(self):
        log = (self.folder / "sync.log").open("a")
        words = (Path(sys.executable).with_name("yardpass"), "sync", "--settings", self.site)
        self.sync = subprocess.Popen(self.lab.command(self.number, *words), stderr=log)
        log.close()

    def show(self, text):
        self.gate.stdin.write(text.decode() + "\n")
        self.gate.stdin.flush()
        said = self.gate.stdout.readline().split()
        assert said and said[0] != "LOST", said
        self.recorded += 1
        return said

    def kill(self, process):
        """By KILL, the namespace's wrapper is the process itself: `ip netns exec` execs it."""
        process.send_signal(signal.SIGKILL)
        process.wait()
        if process is self.gate:
            self.close_pipes()

    def stop(self):
        for process in (self.gate, self.sync):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        self.close_pipes()

    def close_pipes(self):
        for pipe in (self.gate.stdin, self.gate.stdout) if self.gate else ():
            with suppress(OSError):
                pipe.close()

    def feeds(self):
        with Store(self.folder / "store.db") as store:
            shelf = Shelf(store)
            return {held.origin: len(shelf.bodies(held.number)) for held in shelf.feeds()}

    def own(self):
        with Store(self.folder / "store.db") as store:
            shelf = Shelf(store)
            return {held.origin: len(shelf.bodies(held.number)) for held in shelf.own_feeds()}

    def conflicts(self):
        with Store(self.folder / "store.db") as store:
            return Uses(store).conflicts()


class Holder:
    """Somebody with a phone, enrolled at the compound."""

    def __init__(self, office, number, now):
        self.key = SigningKey(ED25519, os.urandom(32))
        resident = HolderClass.RESIDENT
        self.site = office.site
        held = office.enrol(
            f"flat {number}", key=self.key.public, klass=resident, zones=1, now=now, days=2
        )
        self.handle = held.handle

    def code(self):
        at = int(time.time())
        return code.by_reference(self.handle, audience=self.site, issued_at=at, key=self.key)


def compound(lab, folder, stack):
    """An office, its people, and five terminals whose addresses stand in the ledger."""
    now = int(time.time()) - 60
    office = Office.create(folder / "office", site="yp:hz07", now=now)
    people = [Holder(office, number, now) for number in range(40)]
    boxes = []
    for number in range(1, COUNT + 1):
        port = SLOW_PORT if number == COUNT else PORT
        post = terminal_kit.Post(
            f"t{number}", f"g{number}", "in", [0], addresses=(f"10.77.0.{number}:{port}",)
        )
        terminal_kit.make(office, folder / post.name, post, seed=os.urandom(32))
        boxes.append(Box(lab, number, folder / post.name, stack))
    office.authority.publish(office.authority.checkpoint(lambda: now), folder / "public")
    for box in boxes:
        settings = load(box.site)
        with open_replica(settings) as replica:
            mirror = Mirror(replica, pinned=trust_of(settings), now=lambda: now)
            mirror.update(FolderSource(folder / "public"))
    return people, boxes


def wait_until(is_so, seconds):
    """How long it took; fails when it does not come."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < seconds, "the terminals do not come to hold the same"
        time.sleep(0.05)
    return time.monotonic() - began


def is_equal(boxes):
    own = {}
    for box in boxes:
        own |= box.own()
    return all(box.feeds() == own for box in boxes)


def told(capsys, text):
    """Says it whatever pytest captures: what was not run, or how long it took."""
    with capsys.disabled():
        sys.stdout.write(f"\n{text}\n")


def started(lab, boxes, stack):
    """All processes, the slow cable of the last terminal among them."""
    slow = ("-m", "ledger_sync.sim.proxy", f"0.0.0.0:{SLOW_PORT}", f"127.0.0.1:{PORT}")
    worse = ("--delay", "0.02", "--loss", "0.01")
    proxy = subprocess.Popen(lab.command(COUNT, sys.executable, *slow, *worse))
    stack.callback(proxy.wait)
    stack.callback(proxy.kill)
    for box in boxes:
        box.start_sync()
        box.start_gate()


def live_through_it(lab, people, boxes):
    """A cut, one code on both sides, a killed gossip, a killed gate; whether they were apart."""
    lab.cut(3)
    twice = people[10].code()
    assert boxes[2].show(twice)[0] == "GREEN"
    assert boxes[0].show(twice)[0] == "GREEN"  # it cannot know
    for number, holder in enumerate(people[11:31]):
        boxes[number % COUNT].show(holder.code())
        if number == 6:
            boxes[1].kill(boxes[1].sync)
        if number == 9:
            boxes[3].kill(boxes[3].gate)
            boxes[3].start_gate()
        if number == 12:
            boxes[1].start_sync()
    apart = boxes[2].feeds() != boxes[0].feeds()
    lab.heal(3)
    return twice, apart


def test_five_terminals_lose_nothing_over_cuts_and_kills(tmp_path, capsys):
    reason = why_not()
    if reason:
        told(capsys, f"not run: {reason}")
        pytest.skip(reason)
    with ExitStack() as stack:
        lab = stack.enter_context(Lab())
        people, boxes = compound(lab, tmp_path, stack)
        started(lab, boxes, stack)
        met = wait_until(lambda: is_equal(boxes), 30)
        for number, holder in enumerate(people[:10]):
            boxes[number % COUNT].show(holder.code())
        wait_until(lambda: is_equal(boxes), HEAL_SECONDS)

        twice, apart = live_through_it(lab, people, boxes)
        healed = wait_until(lambda: is_equal(boxes), HEAL_SECONDS)
        wait_until(lambda: all(len(box.conflicts()) == 1 for box in boxes), HEAL_SECONDS)

        total = sum(size - 1 for size in boxes[0].feeds().values())
        assert apart
        assert total == sum(box.recorded for box in boxes)
        assert boxes[4].show(twice)[0] == "RED"
        told(
            capsys, f"five terminals met in {met:.1f} s, healed in {healed:.1f} s; {total} checks"
        )
