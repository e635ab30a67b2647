"""Fixtures that several test modules share."""

import sys

import pytest

from appliance import cli


@pytest.fixture
def main(monkeypatch, capsys):
    """The real entry point: (exit code, stdout, stderr)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["yardpass", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        return stop.value.code or 0, *capsys.readouterr()

    return call
