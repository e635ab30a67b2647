"""Updates that the ledger names: published by the office, fetched by who has a network, installed
by who has none, in a quiet time, and only what the maker of the images has signed."""

import asyncio
import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import webserver
from desk import NOW, loaded, run
from hypothesis import given
from hypothesis import strategies as st
from test_update_agent import KIND, NEW, OLD, Machine
from test_update_stick import NEWER, box_of, command

from appliance.commands import update_box, update_itself
from appliance.doctor import update_probes
from appliance.doctor.lines import Fault, Missing
from appliance.office import bundle_file
from appliance.office.bundle_file import described
from appliance.settings import FILE_NAME, load
from appliance.update import fetcher, fetching, quiet
from appliance.update.outcome import MAX_TRIES, Outcome, State
from ledger_sync import download, entries, updates
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.replica import Replica
from ledger_sync.store import Store
from ledger_sync.updates import Update, named, update_of

PAYLOAD = b"squashfs, as it were" * 9_000


def bundle_bytes(version=NEW, *, kind=KIND, key="ours", payload=PAYLOAD):
    """What the office reads as a bundle and the played RAUC as well."""
    manifest = f"[update]\ncompatible={kind}\nversion={version}\n\n[bundle]\nformat=verity\n"
    told = json.dumps({"compatible": kind, "version": version, "key": key})
    signature = b"CMS" + manifest.encode() + told.encode()
    return payload + signature + len(signature).to_bytes(8, "big")


def told_in(data):
    """What the played RAUC reads."""
    return data[data.rindex(b"{") : data.rindex(b"}") + 1]


# The entry.


def test_an_entry_says_version_and_addresses_and_is_read_again():
    made = Update(KIND, NEW, b"\1" * 32, 9, ("https://hz07.example/ledger",))

    blob = entries.parse(entries.to_bytes(made.to_blob()))

    assert blob.name == f"update {KIND}"
    assert blob.hints == (f"version:{NEW}", "https://hz07.example/ledger")
    assert update_of(KIND, blob.sha256, blob.length, blob.hints) == made
    assert made.path == f"blob/{'01' * 32}"


@pytest.mark.parametrize(
    "change",
    [{"kind": "k" * 57}, {"kind": ""}, {"length": 0}, {"length": 1 << 31}, {"places": ("x",) * 8}],
)
def test_what_an_entry_cannot_say_is_refused(change):
    with pytest.raises(Refused):
        Update(KIND, NEW, b"\1" * 32, 9)._replace(**change).to_blob()


@given(st.lists(st.text(max_size=20), max_size=8).map(tuple), st.integers(-5, 2**54))
def test_any_hints_are_an_update_of_one_version_or_none(hints, length):
    # Invariant: update_of never raises; what it finds has one version and a length a box takes.
    found = update_of(KIND, bytes(32), length, hints)

    assert found is None or 0 < found.length <= updates.MAX_LENGTH
    assert (found is not None) == (
        sum(one.startswith("version:") for one in hints) == 1 and 0 < length <= 1 << 30
    )


# The bundle, as the office reads it.


def test_a_bundle_says_for_which_boxes_it_is_and_which_version(tmp_path):
    (tmp_path / "v2.raucb").write_bytes(bundle_bytes())

    found = described(tmp_path / "v2.raucb")

    assert found[:2] == (KIND, NEW)
    assert (found.sha256, found.length) == (
        hashlib.sha256(bundle_bytes()).digest(),
        len(bundle_bytes()),
    )


NO_BUNDLES = {
    "empty": b"",
    "short": b"12345678",
    "no signature": bytes(100),
    "signature longer than it": bytes(92) + (93).to_bytes(8, "big"),
    "no manifest": b"x" * 92 + (50).to_bytes(8, "big"),
    "no version": bundle_bytes().replace(b"version=", b"wersion="),
    "a version of spaces": bundle_bytes("1 2"),
    "cut": bundle_bytes()[:-1],
}


@pytest.mark.parametrize("name", NO_BUNDLES)
def test_what_is_no_bundle_is_refused(tmp_path, name):
    (tmp_path / "v2").write_bytes(NO_BUNDLES[name])

    with pytest.raises(Refused, match="is no bundle of an update; give a bundle"):
        described(tmp_path / "v2")


@given(st.binary(max_size=300))
def test_any_file_is_described_or_refused(tmp_path_factory, data):
    # Invariant: described returns two words of visible letters, or raises Refused.
    path = tmp_path_factory.getbasetemp() / "any.raucb"
    path.write_bytes(data)
    try:
        found = described(path)
    except Refused:
        return

    assert found.kind.isascii() and found.version.isascii()


def test_a_bundle_that_is_not_there_is_unavailable(tmp_path):
    with pytest.raises(Unavailable, match="cannot be read"):
        described(tmp_path / "none")


@pytest.mark.heavy
def test_a_real_bundle_is_described_as_rauc_does(tmp_path):
    if not shutil.which("rauc") or not shutil.which("mksquashfs"):
        pytest.skip("rauc is not here: apt-get install rauc squashfs-tools")
    content = tmp_path / "content"
    content.mkdir()
    (content / "system.img").write_bytes(os.urandom(100_000))
    (content / "manifest.raucm").write_text(
        f"[update]\ncompatible={KIND}\nversion={NEW}\n\n[bundle]\nformat=verity\n\n"
        "[image.system]\nfilename=system.img\n"
    )
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    own = ("-x509", "-days", "9", "-subj", "/CN=x", "-keyout", "k", "-out", "c")
    subprocess.run(["openssl", "req", *curve, *own], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run(
        ["rauc", "--key=k", "--cert=c", "bundle", "content", "v2.raucb"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip

    assert described(tmp_path / "v2.raucb")[:2] == (KIND, NEW)
    assert bundle_file.MAX_SIGNATURE > 10_000


# The office.


def published(bundle="v2.raucb", *words):
    return run("office", "update", bundle, "public", *words)


@pytest.fixture
def bundles(desk):
    Path("v2.raucb").write_bytes(bundle_bytes(NEW))
    Path("v3.raucb").write_bytes(bundle_bytes(NEWER))
    return desk


def blobs():
    return sorted(path.name for path in Path("public/blob").iterdir())


def test_an_update_is_named_in_the_ledger_and_lies_where_it_is_published(bundles):
    said = published("v2.raucb", "--url", "https://hz07.example/ledger")
    loaded()

    digest = hashlib.sha256(bundle_bytes()).digest()
    assert f"update {NEW} for {KIND}" in said.stdout
    assert blobs() == [digest.hex()]
    with Store(Path("north-1/store.db")) as store:
        assert named(store, KIND) == Update(
            KIND, NEW, digest, len(bundle_bytes()), ("https://hz07.example/ledger",)
        )
        assert named(store, "yardpass-pi5-arm64") is None


def test_the_doctor_says_which_update_the_ledger_names(bundles, tmp_path):
    (tmp_path / "box").mkdir()
    box = Machine(tmp_path / "box").box
    with Store(Path("north-1/store.db")) as store:
        replica = Replica(store)
        before = update_probes.named(replica, box)
        published()
        loaded()

        assert (before, update_probes.named(replica, box)) == ("", NEW)
        assert update_probes.named(Missing("no store"), box) == Missing("no store")
        none = dataclasses.replace(box, choice=tmp_path / "none")
        assert isinstance(update_probes.named(replica, none), Missing)
        damaged = dataclasses.replace(box, release=tmp_path / "none")
        assert isinstance(update_probes.named(replica, damaged), Fault)


def test_the_newest_of_a_kind_stands_and_the_file_of_the_one_before_goes(bundles):
    Path("pi4.raucb").write_bytes(bundle_bytes(NEW, kind="yardpass-pi4-arm64"))
    for name in ("v2.raucb", "pi4.raucb", "v3.raucb"):
        published(name)
    loaded()

    kept = {
        hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in ("pi4.raucb", "v3.raucb")
    }
    assert set(blobs()) == kept
    with Store(Path("north-1/store.db")) as store:
        assert named(store, KIND).version == NEWER
        assert named(store, "yardpass-pi4-arm64").version == NEW


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("v2.raucb", "public"), "is not newer than"),
        (("old.raucb", "public"), "is not newer than"),
        (("soon.raucb", "public"), "is no version of an image"),
        (("none.raucb", "public"), "cannot be read"),
        (("chen.txt", "public"), "is no bundle of an update"),
        (("v3.raucb", "public", "--url", "ftp://x"), "is no web address"),
        (("v3.raucb", "public", "--url", "https://me:word@x/l"), "no password and no query"),
        (("v3.raucb", "public", *8 * ("--url", "https://x/l")), "at most 7 addresses"),
        (("v3.raucb", "chen.txt"), "cannot be written"),
    ],
)
def test_what_cannot_be_named_is_refused_and_nothing_is_signed(bundles, main, words, why):
    Path("old.raucb").write_bytes(bundle_bytes("0.0.9-1"))
    Path("soon.raucb").write_bytes(bundle_bytes("soon"))
    published("v2.raucb")
    before = blobs()

    code, out, err = main("office", "update", *words)

    assert (code, out, blobs()) == (1, "", before)
    assert why in err
    loaded()
    with Store(Path("north-1/store.db")) as store:
        assert named(store, KIND).version == NEW


# Whether it is wanted.


@pytest.mark.parametrize(
    ("version", "last", "is_it"),
    [
        (NEW, None, True),
        (OLD, None, False),
        ("0.0.9-1", None, False),
        ("soon", None, False),
        (NEW, Outcome(OLD, "stick", State.KEPT, 1), True),
        (NEW, Outcome(NEW, "ledger", State.WAITING, 1), False),
        (NEW, Outcome(NEW, "hand", State.TRYING, 1), False),
        (NEWER, Outcome(NEW, "ledger", State.TRYING, 1), True),
        (NEW, Outcome(NEW, "ledger", State.FAILED, 1, "", {NEW: 1}), True),
        (NEW, Outcome(NEW, "ledger", State.FAILED, 1, "", {NEW: MAX_TRIES}), False),
        (NEWER, Outcome(NEW, "ledger", State.FAILED, 1, "", {NEW: MAX_TRIES}), True),
    ],
)
def test_a_box_wants_what_is_newer_and_was_not_tried_in_vain(version, last, is_it):
    update = Update(KIND, version, bytes(32), 9)

    assert fetching.is_wanted(update, OLD, last) is is_it
    assert fetching.is_wanted(None, OLD, last) is False


@pytest.mark.parametrize(("last", "is_it"), [(NOW, False), (NOW - 599, False), (NOW - 600, True),
                                             (0, True), (NOW + 10**6, True)])  # fmt: skip
def test_it_is_quiet_when_nothing_was_recorded_for_so_long(last, is_it):
    assert quiet.is_quiet(last, NOW, 10) is is_it


# The way of a bundle from the office to a slot.


class Site:
    """A terminal on a box, a web server with the published ledger, and an office."""

    def __init__(self, box, server, folder):
        self.box, self.server, self.folder = box, server, folder
        self.settings = folder / "north-1" / FILE_NAME

    def publish(self, data, name="v2.raucb"):
        Path(name).write_bytes(data)
        published(name, "--url", self.server.url)
        loaded()

    def fetch(self):
        return command("fetch", "--settings", self.settings)

    @property
    def fetched(self):
        return sorted(path.name for path in self.settings.parent.glob("*update-*"))


@pytest.fixture
def site(desk, tmp_path, monkeypatch):
    (tmp_path / "box").mkdir()
    box = box_of(tmp_path / "box", monkeypatch)
    monkeypatch.setattr(box, "_info", box._info)
    real = box._info

    def info(path):
        (path.parent / "told").write_bytes(told_in(path.read_bytes()))
        return real(path.parent / "told")

    monkeypatch.setattr(box, "_info", info)
    monkeypatch.setattr(update_itself, "Box", lambda: box.box)
    monkeypatch.setattr(update_box, "SITE", desk / "north-1" / FILE_NAME)
    monkeypatch.setattr(update_itself, "now", lambda: NOW)
    monkeypatch.setattr(download, "SPARE", 0)
    Path("public").mkdir()
    with webserver.publishing(Path("public").resolve()) as server:
        made = Site(box, server, desk)
        automatic(made, "true")
        yield made


def automatic(site, value, minutes=10):
    text = site.settings.read_text().partition("\n[update]")[0]
    site.settings.write_text(f"{text}\n[update]\nautomatic = {value}\nquiet_minutes = {minutes}\n")


def test_what_the_office_names_is_fetched_installed_and_tried_and_nothing_of_it_stays(site):
    site.publish(bundle_bytes())

    fetched = site.fetch()
    here = site.fetched
    written = command("waiting")
    tried = command("try", "--if-written")

    assert [one.exit_code for one in (fetched, written, tried)] == [0, 0, 0]
    assert here == [f"update-{hashlib.sha256(bundle_bytes()).hexdigest()[:16]}.raucb"]
    assert site.fetched == []
    assert site.box.inbox.bundle.read_bytes() == bundle_bytes()
    assert (site.box.state, site.box.agent.last().source) == ((State.TRYING, NEW), "ledger")
    assert site.fetch().stdout == "nothing to fetch\n"


def test_what_is_not_asked_for_in_the_settings_is_neither_fetched_nor_installed(site):
    site.publish(bundle_bytes())
    automatic(site, "false")
    never = site.fetch()
    automatic(site, "true")
    site.fetch()
    automatic(site, "false")

    command("waiting")

    assert never.stdout == "nothing to fetch\n"
    assert (len(site.fetched), site.box.state, site.box.called) == (1, None, [])
    site.fetch()
    assert site.fetched == []


def test_a_gate_where_somebody_came_is_left_alone(site):
    site.publish(bundle_bytes())
    site.fetch()
    with Store(site.folder / "north-1" / "store.db") as store:
        came(store, NOW - 60)
    busy = command("waiting")
    before = (site.box.state, list(site.box.called))
    automatic(site, "true", minutes=1)

    command("waiting")

    assert busy.stdout == "somebody came in the last 10 minutes; later\n"
    assert before == (None, [])
    assert site.box.state == (State.WRITTEN, NEW)


def came(store, at):
    """A check of this terminal at that time."""
    from diary import check

    from ledger_sync.checklog import CheckLog

    log = CheckLog(store)
    number = log.open_feed("yardpass/hz07/north-1/0000000000000001", b"o", at)
    log.append(number, 1, check(at=at).to_bytes())
    assert quiet.last_at(store) == at


def test_while_the_gate_is_open_it_waits_on_and_quiet_is_asked_for_again(site):
    site.publish(bundle_bytes())
    site.fetch()
    site.box.is_open = True

    command("waiting")
    waits = site.box.state
    site.box.is_open = False
    with Store(site.folder / "north-1" / "store.db") as store:
        came(store, NOW - 60)
    busy = command("waiting")

    assert waits == (State.WAITING, NEW)
    assert "somebody came" in busy.stdout
    assert not any("install" in one for one in site.box.called)


def test_a_bundle_of_another_key_is_looked_at_twice_and_never_fetched_again(site):
    site.publish(bundle_bytes(key="stranger's"))

    for _ in range(MAX_TRIES):
        site.fetch()
        done = command("waiting")
        assert "signature verification failed" in str(done.exception)
        assert (site.fetched, site.box.inbox.is_full) == ([], False)

    assert site.fetch().stdout == "nothing to fetch\n"
    assert site.box.state == (State.REFUSED, NEW)
    assert not any("install" in one for one in site.box.called)


def test_a_bundle_of_another_version_than_the_ledger_says_is_refused(site):
    data = bundle_bytes(NEWER)
    site.publish(data.replace(f'"{NEWER}"'.encode(), f'"{NEW}"'.encode()))
    site.fetch()

    done = command("waiting")

    assert f"the ledger calls it {NEWER}, it is {NEW}" in str(done.exception)
    assert site.box.state == (State.REFUSED, NEWER)


def test_a_file_that_was_changed_where_it_lay_is_not_looked_at(site):
    site.publish(bundle_bytes())
    site.fetch()
    (path,) = site.settings.parent.glob("update-*")
    path.write_bytes(path.read_bytes()[:-1] + b"!")

    done = command("waiting")

    assert "not the file that the ledger names" in str(done.exception)
    assert (site.fetched, site.box.inbox.is_full) == ([], False)
    site.fetch()
    assert command("waiting").exit_code == 0
    assert site.box.state == (State.WRITTEN, NEW)


def test_of_two_updates_one_after_the_other_one_file_is_kept(site):
    site.publish(bundle_bytes())
    site.fetch()
    (site.settings.parent / ".update-0123456789abcdef.raucb.part").write_bytes(b"half")

    site.publish(bundle_bytes(NEWER), "v3.raucb")
    site.fetch()
    command("waiting")

    assert site.box.state == (State.WRITTEN, NEWER)
    assert site.fetched == []


def test_what_a_stick_brought_is_installed_at_once_whoever_comes(site):
    with Store(site.folder / "north-1" / "store.db") as store:
        came(store, NOW)
    site.box.stick.mkdir(parents=True)
    (site.box.stick / "v2.raucb").write_bytes(bundle_bytes())

    command("take", site.box.stick)
    command("waiting")

    assert site.box.state == (State.WRITTEN, NEW)


def test_a_box_whose_settings_are_damaged_takes_a_stick_all_the_same(site):
    site.settings.write_text("no settings")
    site.box.stick.mkdir(parents=True)
    (site.box.stick / "v2.raucb").write_bytes(bundle_bytes())

    command("take", site.box.stick)

    assert command("waiting").exit_code == 0
    assert site.box.state == (State.WRITTEN, NEW)


def test_a_server_that_is_away_is_asked_again_another_time(site):
    site.publish(bundle_bytes())
    shutil.move("public/blob", "away")
    gone = site.fetch()
    shutil.move("away", "public/blob")

    assert "is it published there?" in str(gone.exception)
    assert site.fetch().exit_code == 0


def test_a_machine_that_is_no_box_fetches_nothing(site, monkeypatch):
    site.publish(bundle_bytes())
    monkeypatch.undo()

    assert command("fetch", "--settings", site.settings).stdout == "nothing to fetch\n"


# The child of `yardpass sync`.


async def looked(site, store, pause=0.0):
    task = asyncio.create_task(
        fetcher.fetch_for_ever(
            site.settings, site.settings.parent, store, box=site.box.box, pauses=(0.0, pause)
        )
    )
    return task


def test_sync_lets_a_child_fetch_what_is_wanted_and_ends_it(site, monkeypatch):
    """The child is this command line's; on a machine that is no box it finds nothing to fetch."""
    site.publish(bundle_bytes())
    started = []
    real = asyncio.create_subprocess_exec

    async def spawned(*words, **options):
        child = await real(*words, **options)
        started.append((words, child))
        return child

    monkeypatch.setattr(asyncio, "create_subprocess_exec", spawned)

    async def once():
        with Store(site.folder / "north-1" / "store.db") as store:
            task = await looked(site, store, pause=3_600.0)
            end = time.monotonic() + 20
            while not (started and started[0][1].returncode is not None):
                assert time.monotonic() < end and not task.done()
                await asyncio.sleep(0.01)
            await fetcher.ended(task)

    asyncio.run(once())
    ((words, child),) = started
    assert words[0] == sys.executable
    assert words[-4:] == ("update", "fetch", "--settings", str(site.settings))
    assert child.returncode == 0


def test_a_child_that_hangs_goes_with_its_parent(site, monkeypatch):
    site.publish(bundle_bytes())
    monkeypatch.setattr(fetcher, "_COMMAND", ("-c", "import time; time.sleep(600)"))
    started = []
    real = asyncio.create_subprocess_exec

    async def spawned(*words, **options):
        child = await real(*words, **options)
        started.append(child)
        return child

    monkeypatch.setattr(asyncio, "create_subprocess_exec", spawned)

    async def stopped():
        with Store(site.folder / "north-1" / "store.db") as store:
            task = await looked(site, store)
            end = time.monotonic() + 20
            while not started:
                assert time.monotonic() < end
                await asyncio.sleep(0.01)
            await fetcher.ended(task)
            return await started[0].wait()

    assert asyncio.run(stopped()) == -9


def test_what_is_not_wanted_any_more_is_cleared_and_starts_no_child(site, monkeypatch):
    site.publish(bundle_bytes())
    site.fetch()
    site.box.agent.note_step(NEW, "hand", State.TRYING)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", None)

    async def some():
        with Store(site.folder / "north-1" / "store.db") as store:
            task = await looked(site, store)
            while site.fetched:
                assert not task.done()
                await asyncio.sleep(0)
            await fetcher.ended(task)

    asyncio.run(some())
    assert site.fetched == []


def test_the_settings_say_whether_and_when(site):
    assert load(site.settings, has_devices=False).update == (load(site.settings).update)
    automatic(site, "true", minutes=0)
    with pytest.raises(Refused, match="a whole number from 1 to 1440"):
        load(site.settings, has_devices=False)
    automatic(site, '"yes"')
    with pytest.raises(Refused, match=r"update\.automatic"):
        load(site.settings, has_devices=False)
