"""The loop of the gate: a camera may go and come back, nothing that was shown is lost."""

import logging
import signal
from contextlib import contextmanager

import numpy as np
import pytest
from compound import ANN, BOB, GUEST, C, show
from stand import Stand

from appliance.gate import loop
from appliance.gate.devices import open_eye
from appliance.gate.loop import Stop, watch
from appliance.settings import load
from appliance.version import software
from hw.camera.files import FilesCamera, FilesOptions
from hw.codes import Effort, Losses
from hw.errors import Refused, Unavailable
from hw.eye import Eye
from hw.sim import album
from hw.sim.camera import SimCamera
from ledger_sync import feed
from ledger_sync.store import Store

TEXTS = [b"", show(C, ANN), show(C, BOB), show(C, GUEST), b"a sticker"]
NOBODY, FIRST, SECOND, THIRD, STICKER = (np.full((64, 64), n, np.uint8) for n in range(5))
BY = f"  by {software()}"
GREEN = f"● GREEN  opens        {BY}"
LOOSE = Unavailable("the cable is loose")
GONE = "the camera is gone: the cable is loose; check its cable, trying again"
BACK = "the camera is back"


class ByShade:
    """A decoder that reads the shade of a picture: its lowest three bits choose the text."""

    losses = Losses()

    def read(self, y_plane, effort=Effort.ALL):
        shade = int(y_plane[0, 0])
        texts = [TEXTS[shade & 7], TEXTS[shade >> 3]]
        return [text for text in texts if text]

    def close(self):
        pass


class Dark(SimCamera):
    """A camera that starts and never gives a picture."""

    def __init__(self):
        super().__init__([], live=True)


class Waits(Stop):
    """A stop that lets no time pass, remembers how long it was asked to wait, and tells itself
    after the last of `enough` waits or of `asks` questions."""

    def __init__(self, enough=99, asks=9_999):
        super().__init__()
        self.waits, self.enough, self.asks = [], enough, asks

    def wait(self, seconds):
        self.waits.append(seconds)
        if len(self.waits) == self.enough:
            self.set()

    def is_set(self):
        self.asks -= 1
        return self.asks < 0 or super().is_set()


@pytest.fixture
def stand(tmp_path):
    with Stand(tmp_path) as made:
        yield made


@pytest.fixture
def told(caplog):
    """The log lines so far."""
    caplog.set_level(logging.INFO, "yardpass.gate")
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.fixture
def cameras(monkeypatch):
    """What opening the eye finds, one after the other: a camera, or why there is none."""
    found = []

    @contextmanager
    def opened(settings):
        camera = found.pop(0)
        if isinstance(camera, Exception):
            raise camera
        stall = 0.002 if isinstance(camera, Dark) else 60
        with Eye(camera, ByShade(), idle_seconds=0.001, stall_seconds=stall) as eye:
            yield eye

    monkeypatch.setattr(loop, "open_eye", opened)
    return found


def watched(stand, stop=None):
    stop = stop or Waits()
    watch(None, stand.terminal, stop)
    return stop


def test_every_check_is_a_line_until_the_pictures_end(stand, cameras, told):
    cameras += [SimCamera([FIRST, NOBODY, FIRST, SECOND, STICKER])]

    watched(stand)

    foreign = "■ RED    stays shut     R-FOREIGN This is not a Yardpass code." + BY
    assert told() == [GREEN, GREEN, foreign]
    assert stand.recorded() == 3


def test_two_codes_in_one_picture_are_two_lines(stand, cameras, told):
    cameras += [SimCamera([FIRST | SECOND << 3])]

    watched(stand)

    assert told() == [GREEN, GREEN]


def test_a_camera_that_goes_and_comes_back_is_one_line_each(stand, cameras, told):
    cameras += [
        SimCamera([FIRST, LOOSE]),
        LOOSE,
        SimCamera([LOOSE]),
        Refused("no picture in the folder"),
        SimCamera([SECOND, NOBODY, THIRD]),
    ]

    stop = watched(stand)

    assert told() == [GREEN, GONE, BACK, GREEN, GREEN]
    assert stop.waits == [1, 2, 4, 8]
    assert stand.recorded() == 3


def test_each_time_the_camera_goes_is_told_and_the_pause_starts_anew(stand, cameras, told):
    cameras += [
        SimCamera([FIRST, LOOSE]),
        LOOSE,
        SimCamera([SECOND, LOOSE]),
        SimCamera([THIRD]),
    ]

    stop = watched(stand)

    assert told() == [GREEN, GONE, BACK, GREEN, GONE, BACK, GREEN]
    assert stop.waits == [1, 2, 1]


def test_a_camera_that_stays_away_is_tried_for_ever_and_told_once(stand, cameras, told):
    cameras += [SimCamera([FIRST, LOOSE]), *[LOOSE] * 999]

    stop = watched(stand, Waits(enough=8))

    assert told() == [GREEN, GONE]
    assert stop.waits == [1, 2, 4, 8, 16, 30, 30, 30]


def test_while_the_camera_is_away_the_store_is_looked_at_and_not_held_back(stand, cameras):
    class Others(Waits):
        """Another process: publishes during the first wait, empties the WAL during the second."""

        def wait(self, seconds):
            super().wait(seconds)
            if len(self.waits) == 1:
                stand.compound.publish(ANN.status(1))
            else:
                with Store(stand.compound.path) as store:
                    self.busy, self.pages, self.moved = store.row("PRAGMA wal_checkpoint")

    cameras += [SimCamera([NOBODY, LOOSE]), LOOSE, SimCamera([FIRST])]

    others = watched(stand, Others())

    assert (others.busy, others.moved) == (0, others.pages)
    (check,) = stand.checks()
    assert check.reasons == ("R-REVOKED",)


def test_a_camera_that_starts_and_gives_no_picture_is_not_back(stand, cameras, told):
    cameras += [SimCamera([FIRST, LOOSE]), Dark(), Dark(), SimCamera([SECOND])]

    stop = watched(stand)

    assert told() == [GREEN, GONE, BACK, GREEN]
    assert stop.waits == [1, 2, 4]


def test_a_camera_with_a_wrong_setting_ends_the_start(stand, cameras, told):
    cameras += [Refused("no picture in the folder")]

    with pytest.raises(Refused, match="no picture in the folder"):
        watched(stand)

    assert told() == []


def test_a_camera_that_is_missing_at_the_start_is_waited_for(stand, cameras, told):
    cameras += [LOOSE, Refused("the decoder was told nonsense"), SimCamera([NOBODY, FIRST])]
    heard = []

    watch(None, stand.terminal, stop := Waits(), tell=heard.append)

    assert told() == [GONE, BACK, GREEN]
    assert heard == ["the cable is loose; check its cable", ""]
    assert stop.waits == [1, 2]


def test_a_stop_before_the_first_picture_shows_nothing_to_the_terminal(stand, cameras):
    cameras += [SimCamera([FIRST])]

    watched(stand, Waits(asks=1))

    assert stand.recorded() == 0


def test_a_stop_ends_a_camera_without_end(stand, cameras):
    camera = SimCamera([NOBODY, FIRST], live=True)
    cameras += [camera]

    watched(stand, Waits(asks=3))

    assert camera.history[-1] == "close"


def test_a_stop_ends_a_camera_whose_every_picture_is_refused(stand, cameras, told):
    cameras += [SimCamera([Refused("too large")])]

    watched(stand, Waits(asks=5))

    assert told() == ["a picture was passed over: too large"] * 5


def test_a_picture_that_cannot_be_used_is_told_and_passed_over(stand, cameras, told, tmp_path):
    for number, picture in enumerate([FIRST, SECOND, THIRD]):
        album.save(picture, tmp_path / f"{number}.png")
    (tmp_path / "1.png").write_bytes(b"\x89PNG garbage")
    cameras += [FilesCamera(FilesOptions(paths=(str(tmp_path),)))]

    watched(stand)

    passed_over = f"a picture was passed over: '{tmp_path}/1.png' is not a picture"
    first, second, third = told()
    assert (first, third) == (GREEN, GREEN)
    assert second.startswith(passed_over)


def test_a_head_is_signed_also_while_a_sticker_hangs_before_the_camera(
    stand, cameras, monkeypatch
):
    monkeypatch.setattr(feed, "BUNDLE", 3)
    cameras += [SimCamera([STICKER | FIRST << 3, STICKER, STICKER | SECOND << 3])]

    watched(stand)

    assert stand.head() == 3


def test_a_signal_handler_may_stop_a_wait_of_its_own_thread():
    stop = Stop()
    before = signal.signal(signal.SIGALRM, lambda number, frame: (stop.set(), stop.set()))

    signal.setitimer(signal.ITIMER_REAL, 0.001)
    stop.wait(60)

    signal.signal(signal.SIGALRM, before)
    assert stop.is_set()
    stop.wait(60)  # over at once


SITE = """\
site = { origin = "yardpass/hz07", audience = "yp:hz07" }
terminal = { name = "north-1", gate = "north", direction = "in", zones = [0] }
files = { store = "elsewhere/store.db" }
camera = { driver = "files", paths = ["wall.png"] }
relay = { driver = "sim" }
eye = { engines = ["zxing"], deadline_ms = 10_000 }
"""


def test_the_pictures_of_a_camera_of_files_stand_beside_the_settings(tmp_path):
    album.save(NOBODY, tmp_path / "wall.png")
    (tmp_path / "site.toml").write_text(SITE)

    with open_eye(load(tmp_path / "site.toml")) as eye:
        seen = list(eye.sightings())

    assert seen == [None]
    assert eye.counts().frames == 1
