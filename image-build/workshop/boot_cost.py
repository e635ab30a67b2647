"""What a start costs until the box decides, counted in instructions, however busy this machine is.

The disk still answers at this machine's pace: seconds differ by a tenth between starts, their
ratios by a hundredth. The twin is made a terminal and started again by a processor whose clock is
the number of its instructions. Of that start it tells when the first pass was decided, and when
systemd reached network.target and multi-user.target, all on its own monotonic clock.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ledger_sync.errors import Unavailable
from workshop import first_boot
from workshop.guest import Guest
from workshop.machine import twin

MAX_SECONDS = 900.0  # of this machine: one of its processors does all of it
FLOOR = 1.0  # of a decision against either target
LOOKS = 60  # two seconds apart, until it is given up and the box's journal told
_TARGETS = ("network.target", "multi-user.target")
_ASK = """\
green() {{ journalctl -b -o short-monotonic --no-pager -u yardpass-gate | grep -m 1 GREEN; }}
looks=0
until green >/dev/null || [ $((looks += 1)) -gt {looks} ]; do sleep 2; done
green || journalctl -b -o short-monotonic --no-pager -n 60
for unit in {units}; do
    echo REACHED $unit $(systemctl show -P ActiveEnterTimestampMonotonic $unit)
done
systemctl --failed --no-legend --plain | sed 's/^/FAILED /'
systemctl poweroff
"""


class Cost(NamedTuple):
    """Seconds of the box's own time since its kernel began."""

    decision: float
    network: float
    multi_user: float

    @property
    def ratio(self) -> float:
        """Of the first decision to multi-user.target."""
        return self.decision / self.multi_user

    @property
    def is_within(self) -> bool:
        """Whether it decides before the network is there, and before everything is started."""
        return self.decision <= FLOOR * min(self.network, self.multi_user)


def cost_of(lines: list[str]) -> Cost:
    """From what the guest said. Raises `Unavailable` if it did not say all of it."""
    text = "\n".join(lines)
    green = re.search(r"\[\s*([0-9]+\.[0-9]+)\].*GREEN", text)
    reached = [re.search(rf"REACHED {re.escape(unit)} ([1-9][0-9]*)", text) for unit in _TARGETS]
    if green is None or not all(reached):
        raise Unavailable("the box did not tell when it decided:\n" + "\n".join(lines[-40:]))
    network, multi_user = (int(one[1]) / 1_000_000 for one in reached if one)
    return Cost(float(green[1]), network, multi_user)


def measure(guest: Guest, files: Path, runs: int) -> list[Cost]:
    """The cost of `runs` starts of a box that is enrolled, each of the same card."""
    machine = twin(guest.board.arch, is_counted=True)
    counted = replace(guest, after="multi-user.target", machine=machine)
    script = _ASK.format(units=" ".join(_TARGETS), looks=LOOKS)
    found = []
    for _ in range(runs):
        heard = first_boot.boot(counted, files, script, is_kept=False, max_seconds=MAX_SECONDS)
        found.append(cost_of(heard.lines))
    return found
