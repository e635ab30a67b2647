"""An office killed or out of room at whatever moment: it opens, has the old state or the new, and
the same command again brings the new one, which a terminal accepts."""

import json
import random
import shutil
import time

import pytest
from arena import SEED, killed
from authority import full_disk
from desk import NOW, ORIGIN, SIZE, run, status

from ledger_sync.errors import Refused, Unavailable

pytestmark = pytest.mark.long

PEOPLE = [f"r{number}" for number in range(300)]  # their entries are in two bundles
FEW, MANY = 3, 40


def office(folder, *arguments):
    """A command in the office of this folder, at `NOW` by the clock of this process."""
    time.time = lambda: NOW
    return run("office", *arguments, "--office", folder / "office")


# What is killed.


def import_people(folder):
    assert office(folder, "import", folder / "roll.csv").exit_code == 0


def rotate(folder):
    assert office(folder, "rotate", "--new-log").exit_code == 0


def publish(folder):
    assert office(folder, "publish", folder / "public").exit_code == 0


@pytest.fixture(scope="module")
def pattern(furnished, tmp_path_factory):
    """An office that has published all it has to a terminal, and a roll that waits."""
    folder = tmp_path_factory.mktemp("pattern")
    shutil.copytree(furnished, folder, dirs_exist_ok=True)
    (folder / "roll.csv").write_text("\n".join(["resident", *PEOPLE, ""]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: NOW)
        publish(folder)
        taken_in(folder)
    return folder


@pytest.fixture(scope="module")
def changed(pattern, tmp_path_factory):
    """The same with people enrolled and keys rotated, neither of them published."""
    folder = tmp_path_factory.mktemp("changed")
    shutil.copytree(pattern, folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: NOW)
        import_people(folder)
        rotate(folder)
    return folder


# What is left.


def taken_in(folder):
    """How many entries the terminal holds once it has imported what is published."""
    said = run("ledger", "import", folder / "public", "--site", folder / "north-1").stdout
    return int(said.removeprefix(f"{ORIGIN}: ").split()[0])


def names(folder):
    rows = json.loads(office(folder, "list", "--json").stdout)
    return [row["resident"] for row in rows]


def is_sound(folder):
    found = run("ledger", "fsck", "--site", folder / "north-1").stdout
    whole = run("ledger", "verify", folder / "public", "--site", folder / "north-1").stdout
    return found.endswith("sound\n") and whole.endswith("sound\n")


def check_import(folder):
    """Everybody is enrolled or nobody; whoever is missing can be imported, once."""
    is_new = len(names(folder)) > 1
    assert sorted(names(folder)) == (sorted(["Chen", *PEOPLE]) if is_new else ["Chen"])

    office(folder, "import", folder / "roll.csv", *(["--skip-enrolled"] if is_new else []))
    publish(folder)

    assert sorted(names(folder)) == sorted(["Chen", *PEOPLE])
    assert taken_in(folder) == SIZE + len(PEOPLE)
    return is_new


def check_rotation(folder):
    """The next policy is there or not; then it can be made, and the one after that as well."""
    assert names(folder) == ["Chen"]
    is_new = False
    try:
        rotate(folder)
    except Refused as refused:
        is_new = True
        assert "policy 2 is not published yet" in str(refused)

    publish(folder)
    sizes, versions = [taken_in(folder)], [status(folder / "north-1")["policy_version"]]
    rotate(folder)
    publish(folder)
    sizes.append(taken_in(folder))
    versions.append(status(folder / "north-1")["policy_version"])

    assert (sizes, versions) == ([SIZE + 1, SIZE + 2], [2, 3])
    return is_new


def check_publication(folder):
    """What is published is the old ledger or the new one at each moment, and then the new one."""
    whole = SIZE + len(PEOPLE) + 1
    assert sorted(names(folder)) == sorted(["Chen", *PEOPLE])
    found = taken_in(folder)
    assert found in (SIZE, whole)

    publish(folder)

    assert taken_in(folder) == whole
    assert status(folder / "north-1")["policy_version"] == 2
    return found == whole


CHECKS = {import_people: check_import, rotate: check_rotation, publish: check_publication}
WORKS = pytest.mark.parametrize("work", CHECKS, ids=lambda work: work.__name__)


@pytest.fixture
def start(work, pattern, changed):
    return changed if work is publish else pattern


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: NOW)


def check_kills(work, start, tmp_path, count):
    for place in killed(work, start, tmp_path, count, is_every_turn=False):
        CHECKS[work](place)
        assert is_sound(place)


@WORKS
def test_an_office_killed_at_any_moment_opens_and_can_go_on(work, start, tmp_path):
    check_kills(work, start, tmp_path, FEW)


@pytest.mark.draws
@pytest.mark.heavy
@WORKS
def test_an_office_killed_at_many_more_moments_opens_and_can_go_on(work, start, tmp_path):
    check_kills(work, start, tmp_path, MANY)


@WORKS
def test_an_office_on_a_full_disk_keeps_what_it_has_and_goes_on_once_there_is_room(
    work, start, tmp_path
):
    sizes, failed = random.Random(SEED), 0
    for number, most in enumerate([0, 100, 40_000, sizes.randrange(40_000, 200_000)]):
        place = shutil.copytree(start, tmp_path / str(number))
        try:
            with full_disk(most):
                work(place)
        except Unavailable as error:
            assert "free disk space" in str(error) or "check the path" in str(error)
            failed += 1
        CHECKS[work](place)
    assert failed > 1
    assert is_sound(place)
