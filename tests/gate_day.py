"""A simulated day at one gate: people, hands, wedges, bounces. It knows how long things take and
what a guard would have to be told, and nothing of the machine's states."""

import random

from appliance.gate.door import Output
from appliance.gate.events import Event
from appliance.gate.inputs import Inputs
from appliance.gate.machine import begin, next_due, step

HOUR = 3_600_000  # ms
LAMPS = {Output.SHOW_GREEN, Output.SHOW_RED, Output.SHOW_ALARM, Output.SHOW_IDLE}


class Day:
    """Raw levels and events of a day in `happens`; in `expected`, what must be told, and when."""

    def __init__(self, seed, config, hours=24):
        self.dice = random.Random(seed)
        self.config = config
        self.happens = [(0, name, False) for name in ("contact", "exit", "tamper", "fire")]
        self.expected = []
        self.injected = dict.fromkeys(("forced", "held", "warned", "stuck"), 0)
        self.quiet = 2_000  # from when on nobody's leave to open lasts
        acts = [
            *[self.passage] * 30,
            *[self.forced] * 5,
            *[self.left_open] * 5,
            *[self.lingers] * 3,
            *[self.two_in_a_row, self.rebounds, self.walks_away, self.trembles] * 2,
            *[self.opening_hours, self.lockdown, self.fire, self.tamper, self.crash_bar],
        ]
        at = 10_000
        while at < hours * HOUR:
            at = self.dice.choice(acts)(at) + self.between(2_000, 240_000)
        self.end = at
        self.happens.sort(key=lambda one: one[0])
        self.expected.sort(key=lambda one: one[0])

    def between(self, least, most):
        return self.dice.randint(least, most)

    def act(self, at, event):
        self.happens.append((at, event, None))

    def expect(self, at, *outputs):
        self.expected.extend((at, output) for output in outputs)

    def move(self, name, at, is_active, bounces=6):
        """An input changes at `at`, bouncing; when it has been stable for long enough."""
        stable = self.config.exit_debounce_ms if name == "exit" else self.config.debounce_ms
        self.happens.append((at, name, is_active))
        for _ in range(self.between(0, bounces)):
            at += self.between(1, stable - 1)
            self.happens.append((at, name, not is_active))
            at += self.between(1, stable - 1)
            self.happens.append((at, name, is_active))
        return at + stable

    def shut(self, at, since, *, alarm=None):
        """The door closes from `at` on: what must have been told of a door open `since`."""
        closed = self.move("contact", at, False)
        limits = [(self.config.stuck_ms, Output.STUCK)]
        if alarm is None:
            limits.insert(0, (self.config.held_alarm_ms, Output.HELD))
            limits.insert(0, (self.config.held_warning_ms, Output.HELD_WARNING))
        told = [(since + ms, output) for ms, output in limits if since + ms <= closed]
        self.expected.extend(told)
        if told or alarm:
            self.expect(closed, Output.CLEARED)
        outputs = {output for _, output in told}
        self.injected["warned"] += Output.HELD_WARNING in outputs
        self.injected["held"] += Output.HELD in outputs
        self.injected["stuck"] += Output.STUCK in outputs
        self.quiet = max(self.quiet, closed + self.config.settle_ms)
        return closed

    def let_pass(self, at):
        """Somebody is allowed to open: when it is certain, at the latest."""
        if self.dice.random() < 0.5:
            event = self.dice.choice((Event.GRANTED_IN, Event.GRANTED_OUT))
            self.act(at, event)
            self.expect(at, Output.PULSE)
            self.quiet = max(self.quiet, at + self.config.open_ms)
            return at
        pressed = self.move("exit", at, True)
        self.expect(pressed, Output.PULSE)
        released = self.move("exit", pressed + self.between(0, 3_000), False)
        self.quiet = max(self.quiet, released + self.config.open_ms)
        return pressed

    def passage(self, at, stays=None):
        stays = self.between(500, 15_000) if stays is None else stays
        opened = self.let_pass(at) + self.between(100, self.config.open_ms - 2_000)
        opened = self.move("contact", opened, True)
        self.expect(opened, Output.PASSED)
        return self.shut(opened + stays, opened)

    def lingers(self, at):
        config = self.config
        return self.passage(at, self.between(config.held_warning_ms, config.held_alarm_ms - 2_000))

    def left_open(self, at):
        return self.passage(at, self.between(self.config.held_alarm_ms, 300_000))

    def forced(self, at):
        opened = self.move("contact", max(at, self.quiet), True)
        self.expect(opened, Output.FORCED)
        self.injected["forced"] += 1
        return self.shut(opened + self.between(100, 200_000), opened, alarm=Output.FORCED)

    def crash_bar(self, at):
        pressed = self.move("exit", at, True, bounces=0)
        opened = self.move("contact", at, True)
        self.expect(pressed, Output.PULSE)
        self.expect(opened, Output.PASSED)
        released = self.move("exit", pressed + 500, False)
        self.quiet = max(self.quiet, released + self.config.open_ms)
        return self.shut(opened + self.between(1_000, 9_000), opened)

    def two_in_a_row(self, at):
        """The second is let pass while the first has the door open, perhaps amid the warning."""
        opened = self.move("contact", self.let_pass(at) + self.between(100, 3_000), True)
        self.expect(opened, Output.PASSED)
        second = opened + self.between(4_000, self.config.held_alarm_ms - 1)
        self.act(second, Event.GRANTED_IN)
        self.expect(second, Output.PULSE)
        if second >= opened + self.config.held_warning_ms:
            self.expect(opened + self.config.held_warning_ms, Output.HELD_WARNING)
            self.expect(second, Output.CLEARED)
            self.injected["warned"] += 1
        self.quiet = max(self.quiet, second + self.config.open_ms)
        return self.shut(second + self.between(500, 15_000), second)

    def rebounds(self, at):
        closed = self.passage(at)
        opened = closed + self.between(1, self.config.settle_ms - 20 * self.config.debounce_ms)
        opened = self.move("contact", opened, True)
        return self.shut(opened + self.between(100, 50_000), opened)

    def walks_away(self, at):
        self.act(at, Event.GRANTED_OUT)
        self.expect(at, Output.PULSE)
        self.quiet = max(self.quiet, at + self.config.open_ms)
        self.expect(at + self.config.open_ms, Output.NOT_PASSED)
        return at + self.config.open_ms

    def trembles(self, at):
        """Wind at the contact, a fly at the button: shorter than anything that counts."""
        for name, most in (("contact", self.config.debounce_ms), ("exit", 20), ("fire", 50)):
            self.happens.append((at, name, True))
            at += self.between(1, most - 1)
            self.happens.append((at, name, False))
            at += self.between(1, 100)
        return at

    def stands_open(self, at, begins, ends):
        """From `begins` to `ends` anybody may open; the door may be open beyond that."""
        for _ in range(self.between(1, 6)):
            at = self.move("contact", at + self.between(200, 60_000), True) + 60_000
            at = self.move("contact", at + self.between(200, 400_000), False)
        is_left = self.dice.random() < 0.5
        if is_left:
            at = self.move("contact", at + 1_000, True)
        over = ends(at + self.between(1_000, 60_000))
        self.quiet = max(self.quiet, over + self.config.settle_ms)
        return self.shut(over + self.between(500, 200_000), over) if is_left else over

    def opening_hours(self, at):
        at = max(at, self.quiet)
        self.act(at, Event.SCHEDULE_BEGINS)
        self.expect(at, Output.HOLD)

        def ends(over):
            self.act(over, Event.SCHEDULE_ENDS)
            self.expect(over, Output.RELEASE)
            return over

        return self.stands_open(at, at, ends)

    def fire(self, at):
        began = self.move("fire", max(at, self.quiet), True)
        self.expect(began, Output.FIRE, *[Output.HOLD] * self.config.fail_safe)

        def ends(over):
            over = self.move("fire", over, False)
            self.expect(over, Output.FIRE_OVER, *[Output.RELEASE] * self.config.fail_safe)
            return over

        return self.stands_open(began, began, ends)

    def lockdown(self, at):
        self.act(at, Event.LOCKDOWN_SET)
        self.expect(at, Output.LOCKDOWN)
        for _ in range(self.between(1, 4)):
            at += self.between(1_000, 30_000)
            self.act(at, Event.GRANTED_IN)
            self.expect(at, Output.REFUSED_LOCKDOWN)
            at = self.leaves(at + self.between(1, 5_000))
        at = self.forced(at + 1)
        self.act(at + 1_000, Event.LOCKDOWN_LIFTED)
        self.expect(at + 1_000, Output.LOCKDOWN_OVER)
        return at + 1_000

    def leaves(self, at):
        self.act(at, Event.GRANTED_OUT)
        self.expect(at, Output.PULSE)
        self.quiet = max(self.quiet, at + self.config.open_ms)
        opened = self.move("contact", at + self.between(100, 5_000), True)
        self.expect(opened, Output.PASSED)
        return self.shut(opened + self.between(500, 9_000), opened)

    def tamper(self, at):
        began = self.move("tamper", at, True)
        self.expect(began, Output.TAMPER)
        over = self.move("tamper", began + self.between(100, 60_000), False)
        self.expect(over, Output.TAMPER_OVER)
        return over


class Listener:
    """The machine behind its inputs. `punctual`: it is called whenever something is due; otherwise
    only when something happens, and the times in `said` mean nothing."""

    def __init__(self, config, punctual):
        self.inputs, self.situation = Inputs(config), begin(config, 0)
        self.punctual, self.said = punctual, []

    def take(self, event, at):
        self.situation, outputs = step(self.situation, event, at)
        self.said.extend((at, output) for output in outputs)

    def hear(self, result):
        self.inputs, heard = result
        for event, at in heard:
            self.take(event, at)

    def due(self, until):
        times = (self.inputs.next_due(), next_due(self.situation) if self.punctual else None)
        return min((time for time in times if time is not None and time <= until), default=None)

    def catch_up(self, until):
        while (due := self.due(until)) is not None:
            self.hear(self.inputs.passed(due))
            if self.punctual:
                self.take(Event.TIME, due)


def told(day, config, *, punctual=True):
    """Everything the machine says over the day, with its times."""
    listener = Listener(config, punctual)
    for at, what, is_active in day.happens:
        listener.catch_up(at)
        if isinstance(what, Event):
            listener.take(what, at)
        else:
            listener.hear(listener.inputs.seen(what, is_active, at))
    listener.catch_up(day.end)
    listener.take(Event.TIME, day.end)
    return listener.said


def news(said):
    """What was said, without lamps and renewals of a lease."""
    kept, is_held = [], False
    for at, output in said:
        if output in LAMPS or (output is Output.HOLD and is_held):
            continue
        is_held = (is_held or output is Output.HOLD) and output is not Output.RELEASE
        kept.append((at, output))
    return kept
