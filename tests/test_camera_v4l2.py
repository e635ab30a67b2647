"""The webcam adapter: linuxpy's real code over a kernel side made of memory."""

import io
import sys
from functools import partial

import numpy as np
import pytest
from PIL import Image
from standins.v4l2_standin import DEVICE, ERROR, MONOTONIC, Webcam, fourcc

from hw.camera.files import MAX_PIXELS
from hw.camera.v4l2 import MAX_DAMAGED, V4l2Camera, V4l2Options, choose
from hw.errors import Unavailable

SIZE = (48, 32)
OPTIONS = V4l2Options(device=DEVICE, width=48, height=32, fps=30)
LUMA = ((np.arange(32)[:, None] * 5 + np.arange(48) * 2) % 256).astype(np.uint8)


def encoded(name, luma=LUMA, padding=0):
    """`luma` as a driver lays it out, chroma 128, rows padded with `padding` bytes of 1."""
    height, width = luma.shape
    rows = luma
    if name == "YUYV":
        rows = np.full((height, width * 2), 128, np.uint8)
        rows[:, ::2] = luma
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=1)
    chroma = b"\x80" * (padded.shape[1] * height // 2) if name in {"NV12", "YU12"} else b""
    return padded.tobytes() + chroma


def jpeg(luma=LUMA):
    made = io.BytesIO()
    Image.fromarray(luma).convert("RGB").save(made, "JPEG", quality=95)
    return made.getvalue()


def opened(monkeypatch, webcam, options=OPTIONS):
    webcam.install(monkeypatch)
    return V4l2Camera(options)


@pytest.mark.parametrize("padding", [0, 16])
@pytest.mark.parametrize("name", ["GREY", "NV12", "YU12", "YUYV"])
def test_luma_is_taken_as_it_lies(monkeypatch, name, padding):
    webcam = Webcam({name: 30}, row_padding=padding)
    camera = opened(monkeypatch, webcam)
    webcam.show(encoded(name, padding=padding), ticks=5_000_001_000)
    frame = next(camera.frames())
    camera.close()
    assert np.array_equal(frame.luma, LUMA)
    assert frame.luma.strides[1] == 1
    assert frame.ticks == 5_000_001_000


def test_mjpeg_is_decoded_to_luma(monkeypatch):
    webcam = Webcam({"MJPG": 30})
    camera = opened(monkeypatch, webcam)
    webcam.show(jpeg())
    frame = next(camera.frames())
    camera.close()
    assert frame.luma.shape == LUMA.shape
    assert np.abs(frame.luma.astype(int) - LUMA).mean() < 3


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ({"MJPG": 30, "YUYV": 30}, "YUYV"),
        ({"MJPG": 30, "YUYV": 10}, "MJPG"),
        ({"YUYV": 10}, "YUYV"),
        ({"YUYV": 0, "MJPG": 30}, "YUYV"),
        ({"YUYV": 29.97, "MJPG": 30}, "YUYV"),
        ({"YUYV": 30, "NV12": 30, "GREY": 30}, "GREY"),
        ({"H264": 30, "YU12": 30}, "YU12"),
        ({"H264": 60}, None),
        ({}, None),
    ],
)
def test_plain_luma_at_full_rate_then_mjpeg_then_slower_plain_luma(offered, chosen):
    assert choose(offered, 30) == chosen


def test_the_wanted_format_and_rate_are_asked_of_the_driver(monkeypatch):
    webcam = Webcam({"MJPG": 30, "YUYV": 10})
    opened(monkeypatch, webcam).close()
    assert webcam.settled == (48, 32, fourcc("MJPG"))
    assert webcam.rate == 30
    assert webcam.history == ["set_format", "buffers 4", "on", "off", "buffers 0"]


def test_the_size_the_driver_settles_on_is_the_size_of_the_frames(monkeypatch):
    webcam = Webcam({"GREY": 30}, size=(40, 20))
    camera = opened(monkeypatch, webcam)
    webcam.show(encoded("GREY", LUMA[:20, :40]))
    assert np.array_equal(next(camera.frames()).luma, LUMA[:20, :40])
    camera.close()


def test_a_slow_reader_gets_the_newest_picture_waiting(monkeypatch):
    webcam = Webcam({"GREY": 30})
    camera = opened(monkeypatch, webcam)
    for shade in (1, 2, 3, 4):
        webcam.show(encoded("GREY", np.full_like(LUMA, shade)), ticks=shade * 1000)
    frame = next(camera.frames())
    assert frame.luma[0, 0] == 4 and frame.ticks == 4000
    camera.close()


def test_a_frame_stays_as_it_was_when_the_buffer_is_filled_again(monkeypatch):
    webcam = Webcam({"GREY": 30})
    camera = opened(monkeypatch, webcam)
    frames = camera.frames()
    webcam.show(encoded("GREY"))
    first = next(frames)
    for _ in range(4):
        webcam.show(encoded("GREY", 255 - LUMA))
        next(frames)
    camera.close()
    assert np.array_equal(first.luma, LUMA)


@pytest.mark.parametrize(
    ("name", "data", "flags"),
    [
        ("YUYV", encoded("YUYV")[:-1], MONOTONIC),
        ("YUYV", b"", MONOTONIC),
        ("YUYV", encoded("YUYV"), MONOTONIC | ERROR),
        ("MJPG", jpeg()[:200], MONOTONIC),
        ("MJPG", b"\x89PNG\r\n\x1a\n" + bytes(50), MONOTONIC),
    ],
)
def test_damaged_pictures_are_skipped_and_counted(monkeypatch, name, data, flags):
    webcam = Webcam({name: 30})
    camera = opened(monkeypatch, webcam)
    good = jpeg() if name == "MJPG" else encoded(name)
    webcam.show(data, flags=flags)
    webcam.refill = partial(webcam.show, good)
    assert next(camera.frames()).luma.shape == LUMA.shape
    camera.close()
    assert camera.damaged == 1


def test_a_webcam_that_only_gives_damaged_pictures_is_unavailable(monkeypatch):
    webcam = Webcam({"MJPG": 30})
    camera = opened(monkeypatch, webcam)
    webcam.refill = partial(webcam.show, b"noise")
    frames = camera.frames()
    for _ in range(2):
        with pytest.raises(Unavailable, match="damaged pictures in a row"):
            next(frames)
    camera.close()
    assert camera.damaged == MAX_DAMAGED


def test_a_webcam_unplugged_amid_the_run_is_unavailable_from_then_on(monkeypatch):
    webcam = Webcam({"GREY": 30})
    camera = opened(monkeypatch, webcam)
    frames = camera.frames()
    webcam.show(encoded("GREY"))
    next(frames)
    webcam.unplugged = True
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"the webcam is gone.*No such device"):
            next(frames)
    webcam.unplugged = False
    with pytest.raises(Unavailable):
        next(camera.frames())
    camera.close()


def test_an_unplugged_webcam_can_still_be_closed(monkeypatch):
    webcam = Webcam({"GREY": 30})
    camera = opened(monkeypatch, webcam)
    webcam.unplugged = True
    camera.close()
    camera.close()
    assert list(camera.frames()) == []


def test_a_silent_webcam_is_unavailable(monkeypatch):
    camera = opened(monkeypatch, Webcam({"GREY": 30}))
    frames = camera.frames()
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"no picture for 3\.0 s"):
            next(frames)
    camera.close()


def test_a_driver_with_another_clock_gets_ticks_of_arrival(monkeypatch):
    webcam = Webcam({"GREY": 30})
    camera = opened(monkeypatch, webcam)
    webcam.show(encoded("GREY"), flags=0, ticks=123_000)
    assert next(camera.frames()).ticks > 123_000
    camera.close()


def test_a_driver_that_cannot_set_a_rate_is_used_as_it_is(monkeypatch):
    webcam = Webcam({"GREY": 0})
    monkeypatch.setattr(Webcam, "_s_parm", None)
    camera = opened(monkeypatch, webcam)
    webcam.show(encoded("GREY"))
    assert next(camera.frames()).luma.shape == LUMA.shape
    camera.close()


@pytest.mark.parametrize("kind", ["missing", "file", "folder", "no-webcam"])
def test_a_path_that_is_no_webcam_is_unavailable(tmp_path, kind):
    plain = tmp_path / "video0"
    plain.touch()
    path = {"missing": tmp_path / "no", "file": plain, "folder": tmp_path, "no-webcam": DEVICE}
    with pytest.raises(Unavailable, match="ls -l /dev/video"):
        V4l2Camera(V4l2Options(device=str(path[kind])))


@pytest.mark.parametrize(
    ("webcam", "why"),
    [
        (Webcam(capability=0), "takes no pictures"),
        (Webcam({"H264": 30, "RGB3": 30}), "offers only H264, RGB3"),
        (Webcam({}), "offers only nothing"),
    ],
)
def test_a_device_that_cannot_serve_is_named_with_what_it_offers(monkeypatch, webcam, why):
    with pytest.raises(Unavailable, match=why):
        opened(monkeypatch, webcam)


@pytest.mark.parametrize("settled", [(48, 32, "RGB3"), (MAX_PIXELS, 2, "GREY"), (0, 0, "GREY")])
def test_a_driver_that_settles_on_something_unusable_is_unavailable(monkeypatch, settled):
    webcam = Webcam({"GREY": 30})
    webcam.settled = (*settled[:2], fourcc(settled[2]))
    with pytest.raises(Unavailable, match="insists on"):
        opened(monkeypatch, webcam)


def test_a_machine_without_linuxpy_is_told_which_extra_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "linuxpy.video", None)
    with pytest.raises(Unavailable, match=r"pip install 'yardpass\[webcam\]'"):
        V4l2Camera(OPTIONS)
