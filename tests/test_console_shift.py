"""A guard's whole shift, by keys alone: the real console on the real store of a gate that works,
with its own loop, desk and socket; only camera, relay and inputs are the simulated ones.

Arrivals, a forced door, an opening by hand, a visitor who overstays, an outage, a handover.
"""

import asyncio
import itertools
import os
import time
from contextlib import contextmanager

import pytest

from appliance.commands import console as command
from appliance.console import asking
from appliance.console.app import Console, Wires
from appliance.console.clerk import Clerk
from appliance.console.gate_link import GateLink
from appliance.console.survey import Post, Survey
from appliance.console.tries_file import TriesFile
from appliance.console.watch import Watch
from appliance.demo.compound import CHEAP, PIN, START, Compound
from appliance.demo.watch import NightGate
from appliance.gate.assembly import open_replica
from appliance.gate.console_socket import path_beside
from appliance.gate.identity import trust_of
from appliance.office import guards
from appliance.passes import code, invite
from appliance.passes.invite import Invite
from hw.ports import Sensor
from ledger_sync import act, fsck
from ledger_sync.acts import Acts
from ledger_sync.clock import Reading
from ledger_sync.keyfile import read_secret
from ledger_sync.store import Store

pytestmark = pytest.mark.long

WAIT_S = 20.0
SECOND = "141421"


class Evening:
    """The compound, its clock, and whatever watches at the north gate."""

    def __init__(self, folder):
        self.yard = Compound(folder)
        self.ann = self.yard.phone("Ann, flat 1")
        self.moved = self.yard.phone("moved out in May")
        self.condition = self.yard.phone("a resident with a condition")
        self.yard.office.set_status("moved out in May", 1, now=START - 600)
        self.yard.office.set_status("a resident with a condition", 3, now=START - 600)
        terms = {"now": START - 86_400, "until": START + 86_400, "may_order": False}
        guards.add(self.yard.office, "boris", (SECOND, None), **terms, cost=CHEAP)
        self.yard.open()
        self.settings = self.yard.stations["north"].settings
        guards.give(self.yard.office, "boris", self.settings.folder)
        for gate in list(self.yard.stations):
            self.yard.close(gate)
        self.now = START + 60
        self.pause = 0

    def read(self):
        return Reading(self.now, synchronised=True, error_seconds=1, has_chip=True)

    def gate(self):
        return NightGate(self.settings, self.read)

    def invited(self, hours):
        """A printed invite of Ann's for so many hours, from an hour ago on."""
        begin = self.now - 3_600
        terms = Invite(begin, begin + hours * 3_600, os.urandom(8), None, None, zones=1, uses=2)
        host = invite.by_handle(self.ann.held.handle)
        return code.to_text(invite.invite(terms, host=host, key=self.ann.key))

    @contextmanager
    def console(self):
        secret = read_secret(self.settings.site_secret, hint="")
        with open_replica(self.settings) as replica:
            watch = Watch(replica.store, secret)
            post = Post(self.settings.terminal, self.settings.store.parent, secret)
            survey = Survey(replica, post, lambda: self.now)
            link = GateLink(path_beside(self.settings.store))
            clerk = Clerk(
                self.settings, link, lambda: command._looking(self.settings, secret),
                TriesFile(self.settings.store.parent / "tries.json"), lambda: self.now,
            )  # fmt: skip
            wires = Wires(
                look=watch.look, survey=survey.look, now=lambda: self.now,
                gate=lambda: link.poll(time.monotonic()), do=clerk.do, end=clerk.close,
                is_asking=lambda seen: asking.is_asking(seen, "north-1"),
                ticks=itertools.count(1).__next__,
            )  # fmt: skip
            try:
                yield Console(command.desk_of(self.settings, "en"), wires)
            finally:
                link.close()


class Guard:
    """Presses keys and reads the screen."""

    def __init__(self, app, pilot):
        self.app, self.pilot = app, pilot

    async def press(self, *names):
        for name in names:
            await self.pilot.press(name)
            await self._until(lambda: not self.app._desk.is_waiting)

    async def type(self, text, *then):
        await self.press(*("space" if one == " " else one for one in text), *then)

    async def sees(self, *texts):
        """Until the screen says all of this."""
        await self._until(lambda: all(any(t in line for line in self.screen()) for t in texts))

    async def hears(self, door):
        """Until the gate says that of its door."""
        await self._until(lambda: getattr(self.app._desk._standing.gate, "door", "") == door)

    def screen(self):
        return [line.text for line in self.app.lines(80, 25)]

    async def _until(self, holds):
        end = time.monotonic() + WAIT_S
        while not holds():
            assert time.monotonic() < end, "\n".join(self.screen())
            self.app._looks = 0  # surveys at every look
            self.app.tick()
            await self.pilot.pause()


@pytest.fixture
def evening(tmp_path):
    return Evening(tmp_path / "yard")


async def before_the_outage(evening, guard, gate):
    await guard.sees("console locked", "No check at this gate yet.")
    await guard.hears("closed")
    gate.sensors.drive(Sensor.CONTACT, True)  # by nobody who may
    await guard.sees("! FORCED at north-1")
    await guard.press("s")
    await guard.sees("The gate was opened by force.", "Go and look. Do not go alone.")
    await guard.press("escape")
    gate.sensors.drive(Sensor.CONTACT, False)
    await guard.sees("! closed again")

    gate.show(evening.ann.reference(evening.now))
    await guard.sees("opens   in by north", "All checks hold.")
    gate.show(evening.moved.reference(evening.now))
    await guard.sees("The office revoked this pass.")
    gate.show(evening.condition.reference(evening.now))
    await guard.sees("guard decides   in by north", "The office set a condition")

    await guard.press("o")
    await guard.sees("UNLOCK")
    await guard.press("1", "enter")
    await guard.type(PIN, "enter")
    await guard.sees("OPEN THE GATE BY HAND", "guard anna")
    await guard.press("2", "enter")
    await guard.sees("north was opened; it is on record", "anna opened by hand: Host was called")

    gate.show(evening.invited(hours=2))
    await guard.sees("opens   in by north", "All checks hold.")
    evening.now += 90 * 60
    await guard.sees("console locked")
    await guard.press("t", "1", "enter")
    await guard.type(PIN, "enter")
    await guard.sees("VISITORS WHO SHOULD HAVE LEFT", "OVERDUE")
    await guard.press("escape")


async def after_it(evening, guard, gate):
    await guard.press("u", "1", "enter")
    await guard.type(PIN, "enter")
    await guard.sees("Welcome, anna")
    await guard.press("t", "enter", "enter")
    await guard.sees("The visitor is out, on record.")
    await guard.press("n")
    await guard.type("Gate squeaks", "enter")
    await guard.sees("anna notes: Gate squeaks")
    await guard.press("h")
    await guard.sees(
        "Opened by hand: 1", "Incidents: 1", "of them overdue: 0", "anna: Gate squeaks"
    )
    await guard.press("enter", "enter")
    await guard.type(SECOND, "enter")
    await guard.sees("The shift is boris's.", "guard boris")


def test_a_whole_shift_from_the_first_arrival_to_the_handover(evening):
    async def shift():
        with evening.console() as app:
            async with app.run_test(size=(80, 25)) as pilot:
                guard = Guard(app, pilot)
                with evening.gate() as gate:
                    await before_the_outage(evening, guard, gate)
                    pulses = len(gate.relay.history)
                await guard.sees("THE GATE PROCESS IS GONE")
                await guard.press("o", "3", "enter")
                await guard.sees("The gate does not answer.", "> Reason: Delivery_")
                await guard.press("escape", "u")
                evening.now += 60
                with evening.gate() as gate:
                    await guard._until(lambda: "GONE" not in "".join(guard.screen()))
                    await after_it(evening, guard, gate)
                    again = len(gate.relay.history)
        return pulses, again

    pulses, again = asyncio.run(shift())

    assert (pulses, again) == (2 * 3, 0)  # Ann, by hand, the visitor; nothing after the outage
    secret = read_secret(evening.settings.site_secret, hint="")
    with Store(evening.settings.store) as store:
        acts = Acts(store, secret).since(0)
        found = fsck.findings(store, trust_of(evening.settings), site_secret=secret)
    anna = ("anna",)
    assert [(one.act.deed.kind, one.act.guards, one.said) for one in acts] == [
        (act.Kind.BEGIN, anna, ""),
        (act.Kind.OPEN, anna, "Host was called and agrees"),
        (act.Kind.END, anna, ""),
        (act.Kind.BEGIN, anna, ""),
        (act.Kind.BEGIN, anna, ""),  # after the outage, in which the console was locked
        (act.Kind.OUT, anna, ""),
        (act.Kind.NOTE, anna, "Gate squeaks"),
        (act.Kind.HANDOVER, ("anna", "boris"), ""),
    ]
    assert found == []


def test_a_gate_s_restart_loses_nothing_of_the_screen(evening):
    async def watch():
        with evening.console() as app:
            async with app.run_test(size=(80, 25)) as pilot:
                guard = Guard(app, pilot)
                for _ in range(2):
                    with evening.gate() as gate:
                        await guard._until(lambda: "GONE" not in "".join(guard.screen()))
                        evening.now += 20
                        gate.show(evening.ann.reference(evening.now))
                        await guard.sees("All checks hold.")
                    await guard.sees("THE GATE PROCESS IS GONE")
                assert sum("GREEN" in line for line in guard.screen()) == 3

    asyncio.run(watch())
