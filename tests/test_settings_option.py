"""Where a command looks for settings when nobody says: here, and on a box in its own place."""

import click
import pytest
from click.testing import CliRunner

from appliance.commands import ledger_options
from appliance.commands import settings_option as option
from appliance.settings import FILE_NAME


@click.command()
@option.settings_option
def told(path):
    click.echo(path)


@click.command()
@ledger_options.site_option
def told_site(site):
    click.echo(site)


@pytest.mark.parametrize(
    ("here", "box", "expected"),
    [(True, True, "here"), (True, False, "here"), (False, True, "box"), (False, False, "here")],
)
def test_what_is_here_comes_first(tmp_path, monkeypatch, here, box, expected):
    folders = {"here": tmp_path / "here", "box": tmp_path / "box"}
    for name, there in (("here", here), ("box", box)):
        folders[name].mkdir()
        if there:
            (folders[name] / FILE_NAME).touch()
    monkeypatch.setattr(option, "BOX", folders["box"])
    monkeypatch.chdir(folders["here"])

    said = CliRunner().invoke(told).stdout.strip()
    site = CliRunner().invoke(told_site).stdout.strip()

    assert said == (FILE_NAME if expected == "here" else str(folders["box"] / FILE_NAME))
    assert site == ("." if expected == "here" else str(folders["box"]))


def test_what_is_given_is_taken_as_it_is():
    assert CliRunner().invoke(told, ["--settings", "x.toml"]).stdout == "x.toml\n"
