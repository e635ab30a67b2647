"""Fixtures that several test modules share."""

import shutil
import signal
import sys
import time

import pytest
from desk import NOW, furnish
from hypothesis import settings

from appliance import cli

# Nothing is asserted in absolute time: two cores that are shared take what they take.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

for _number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    # Whoever runs the suite behind its back, as a shell's & or nohup does, has them ignored, and
    # every program that a test starts would inherit that.
    if signal.getsignal(_number) is signal.SIG_IGN:
        is_stop = _number == signal.SIGINT
        signal.signal(_number, signal.default_int_handler if is_stop else signal.SIG_DFL)


@pytest.fixture
def main(monkeypatch, capsys):
    """The real entry point: (exit code, stdout, stderr)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["yardpass", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        return stop.value.code or 0, *capsys.readouterr()

    return call


@pytest.fixture(scope="session")
def furnished(tmp_path_factory):
    """An office with one resident, and a terminal of it, to be copied."""
    folder = tmp_path_factory.mktemp("desk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: NOW)
        furnish(folder)
    return folder


@pytest.fixture
def desk(furnished, tmp_path, monkeypatch):
    """The folder the user stands in, at `NOW`: see desk.py."""
    shutil.copytree(furnished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "time", lambda: NOW)
    return tmp_path
