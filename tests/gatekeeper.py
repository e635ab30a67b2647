"""A gate without a camera, as a process: `python gatekeeper.py SITE.TOML`.

Each line on stdin is the text of a code; each answer on stdout the verdict once it is on record.
Everything else is the product's own gate.
"""

import os
import select
import sys
import time
from pathlib import Path

from appliance.gate.assembly import open_terminal
from appliance.settings import load
from hw.sim.relay import SimRelay
from ledger_sync.clock import Reading


def clock():
    """The clock of this machine, vouched for: containers seldom discipline theirs."""
    return Reading(int(time.time()), True, 1, True)


def lines(terminal):
    """What comes on stdin; the terminal rests in between, as it does between pictures."""
    while True:
        if not select.select([sys.stdin], [], [], 0.5)[0]:
            terminal.rest()
        elif line := sys.stdin.readline():
            yield line
        else:
            return


def say(*words):
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def main():
    settings = load(Path(sys.argv[1]))
    opened = open_terminal(settings, clock=clock, incarnation=os.urandom(8), relay=SimRelay())
    with opened as terminal:
        terminal.rest()
        say("ready")
        for line in lines(terminal):
            outcome = terminal.present(line.strip().encode())
            said = outcome.verdict.colour.name if outcome.is_recorded else "LOST"
            say(said, *outcome.verdict.reasons, outcome.fault)
            terminal.rest()


if __name__ == "__main__":
    main()
