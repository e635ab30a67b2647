"""`yardpass check` on what technicians photograph: posters in view, the wrong store, today."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from appliance.cli import cli
from appliance.demo.compound import HEARD_AT, Compound
from appliance.passes import code
from appliance.settings import FILE_NAME, load
from hw.sim import album
from hw.sim.optics import Shot
from hw.sim.photos import photograph
from ledger_sync.errors import Refused
from ledger_sync.store import Store


@pytest.fixture(scope="module")
def yard(tmp_path_factory):
    with Compound(tmp_path_factory.mktemp("yard")) as made:
        made.paper_text = made.paper("Chen").decode()
        made.open()
        yield made


def run(yard, *arguments, at="2026-11-22T08:05:00Z"):
    site = str(yard.stations["north"].settings.store.parent)
    return CliRunner().invoke(cli, ["check", *arguments, "--site", site, "--at", at, "--json"])


def test_a_poster_beside_a_pass_does_not_hide_it(yard, tmp_path):
    frame, shot = (720, 640), Shot(side=0.5)
    poster = photograph("HTTPS://EXAMPLE.COM/MENU", shot, seed=1, frame=frame)
    held = photograph(yard.paper_text, shot, seed=2, frame=frame)
    album.save(np.hstack([poster, held]), tmp_path / "both.png")
    album.save(poster, tmp_path / "poster.png")

    both = run(yard, str(tmp_path / "both.png"))
    alone = run(yard, str(tmp_path / "poster.png"))

    assert json.loads(both.stdout)["checks"][0]["verdict"] == "GREEN"
    assert json.loads(alone.stdout)["checks"][0]["reasons"] == ["R-FOREIGN"]


def test_now_trusts_the_clock_of_this_machine(yard, tmp_path):
    text = tmp_path / "pass.txt"
    text.write_text(yard.paper_text)

    found = json.loads(run(yard, str(text), at="now").stdout)["checks"][0]

    assert found["clock"] == "GOOD"
    assert found["ledger_age_seconds"] == max(0, found["at"] - HEARD_AT)


def test_a_store_of_another_compound_is_refused(yard, tmp_path):
    settings = load(yard.stations["exit"].settings.store.parent / FILE_NAME)
    theirs = tmp_path / "theirs.db"
    Store.create(theirs, origin="yardpass/bj01", floor=0).close()
    theirs.replace(tmp_path / "store.db")
    for name in ("site.toml", "genesis.policy", "terminal.key", "site.secret"):
        (tmp_path / name).write_bytes((settings.store.parent / name).read_bytes())
        (tmp_path / name).chmod(0o600)
    (tmp_path / "pass.txt").write_bytes(code.to_text(b"x"))

    done = CliRunner().invoke(cli, ["check", str(tmp_path / "pass.txt"), "--site", str(tmp_path)])

    assert isinstance(done.exception, Refused)
    assert "is of yardpass/bj01, the settings pin yardpass/hz07" in str(done.exception)
