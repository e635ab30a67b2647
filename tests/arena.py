"""Kills a piece of work at moments that the seed has chosen, and shows what each kill left.

Each kill is real. Run as a program, this file is the arena: it imports the work once, then forks a
process for every kill, which dies by its own hand.
"""

import importlib
import inspect
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

SEED = 20_260_101


def die_at_call(number):
    """Before the n-th call out of Python: a statement, a write, an fsync, a rename."""
    left = iter(range(1, number))

    def called(_frame, event, _argument):
        if event == "c_call" and next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(called)


def die_at_turn(number):
    """Before the n-th statement to the database that is not like the one before it."""
    on_turn(iter(range(1, number)).__next__)


def on_turn(act):
    """Calls `act` at every turn; when it has no more to give, the process dies."""
    connect, last = sqlite3.connect, ""

    def traced(statement):
        nonlocal last
        is_turn, last = statement[:24] != last, statement[:24]
        try:
            if is_turn:
                act()
        except StopIteration:
            os.kill(os.getpid(), signal.SIGKILL)

    def connected(*arguments, **options):
        made = connect(*arguments, **options)
        made.set_trace_callback(traced)
        return made

    sqlite3.connect = connected


def die_at_byte(number):
    """In the middle of a write, when a file would grow past n bytes: the kernel does it."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (number, resource.RLIM_INFINITY))


def die_after(microseconds):
    """Wherever it is then, inside SQLite too."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, microseconds / 1_000_000)


WAYS = {"call": die_at_call, "turn": die_at_turn, "byte": die_at_byte, "time": die_after}


def costs(work, pattern, folder):
    """How many calls, bytes and microseconds the work takes when nobody kills it."""
    calls, turns = 0, []

    def called(_frame, event, _argument):
        nonlocal calls
        calls += event == "c_call"

    trial, connect = shutil.copytree(pattern, folder / "counted"), sqlite3.connect
    on_turn(lambda: turns.append(1))
    work(trial)
    sqlite3.connect = connect
    trial = shutil.copytree(pattern, folder / "called")
    sys.setprofile(called)
    work(trial)
    sys.setprofile(None)
    largest = max(path.stat().st_size for path in trial.rglob("*"))
    trial = shutil.copytree(pattern, folder / "timed")  # last: by now all modules are loaded
    start = time.perf_counter()
    work(trial)
    took = int((time.perf_counter() - start) * 1_000_000)
    return {"call": calls, "turn": len(turns), "byte": largest, "time": took}


def moments(most, count, is_every_turn):
    """`count` of them in turn, behind every turn there is if they are wanted."""
    rest, ways = random.Random(SEED), ("call", "byte", "time")
    if is_every_turn:
        yield from (("turn", at) for at in range(1, most["turn"] + 1))
    else:
        ways = ("turn", *ways)
    for number in range(count):
        way = ways[number % len(ways)]
        yield way, rest.randrange(1, most[way])


def arena(work, pattern, folder, count, is_every_turn):
    """Forks once for each moment, in a copy of `pattern`; tells how each one ended."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = costs(work, pattern, folder)
    for number, (way, at) in enumerate(moments(most, count, is_every_turn)):
        place = shutil.copytree(pattern, folder / str(number))
        child = os.fork()
        if child == 0:
            code = 1
            try:
                WAYS[way](at)
                work(place)
                code = 0
            finally:
                os._exit(code)
        _, ended = os.waitpid(child, 0)
        assert os.WIFSIGNALED(ended) or ended == 0
        tell([str(place), way, os.WIFSIGNALED(ended)])


def killed(work, pattern, folder, count, *, is_every_turn=True):
    """The folder that each kill left; it is gone after its turn.

    `work` is a function of a module here, which is called with a copy of the folder `pattern`.
    """
    command = [sys.executable, __file__, inspect.getfile(work), work.__name__]
    command += [pattern, folder, str(count), str(int(is_every_turn))]
    ends = []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        for line in running.stdout:
            place, way, is_hit = json.loads(line)
            ends.append(is_hit or way != "turn")
            yield Path(place)
            shutil.rmtree(place)
    assert running.returncode == 0
    assert len(ends) >= count + 10 * is_every_turn
    assert all(ends)


def tell(what):
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def main():
    file, name, *folders, count, is_every_turn = sys.argv[1:]
    sys.path.insert(0, str(Path(file).parent))
    work = getattr(importlib.import_module(Path(file).stem), name)
    arena(work, *map(Path, folders), int(count), bool(int(is_every_turn)))


if __name__ == "__main__":
    main()
