"""One contract per port, run on every driver. A new driver is one more parameter here."""

import io
import threading
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice

import numpy as np
import pytest
from gatehouse import house
from gpiozero.pins.mock import MockPin
from PIL import Image
from standins.picamera2_standin import Rig
from standins.player_standin import StandInPlayer
from standins.v4l2_standin import DEVICE, Webcam

from hw.camera.files import FilesCamera, FilesOptions, FrameCamera
from hw.camera.picamera2 import Picamera2Camera, Picamera2Options
from hw.camera.v4l2 import V4l2Camera, V4l2Options
from hw.errors import Refused, Unavailable
from hw.indicators import GpioIndicator, GpioIndicatorOptions, Together
from hw.level_queue import MAX_PENDING
from hw.ports import MAX_PULSE_MS, Camera, DoorSensors, Frame, Indicator, Relay, Sensor, Signal
from hw.sensors import GpioSensors, GpioSensorsOptions
from hw.sim.camera import SimCamera
from hw.sim.indicator import SimIndicator
from hw.sim.relay import MAX_HISTORY, RelayEvent, SimRelay, SimRelayOptions
from hw.sim.sensors import SimSensors
from hw.sounds import Sounds, SoundsOptions

GONE_AFTER = 2  # pictures a camera gives before its device vanishes in the tests below

# -- cameras: each entry makes a camera that gives pictures, and the act that takes its device away


def files_camera(tmp_path, monkeypatch):
    for number in range(5):
        Image.new("L", (64, 48), number).save(tmp_path / f"{number}.png")
    camera = FilesCamera(FilesOptions((str(tmp_path),)))
    return camera, (tmp_path / f"{GONE_AFTER}.png").unlink


def frame_camera(tmp_path, monkeypatch):
    gone = []

    def scene():
        for number in range(5):
            if gone:
                raise Unavailable("the recording is gone; copy it again")
            yield Frame(np.full((48, 64), number, np.uint8), number)

    return FrameCamera(scene()), partial(gone.append, True)


def picamera2_camera(tmp_path, monkeypatch):
    rig = Rig().install(monkeypatch)
    options = Picamera2Options(width=64, height=48, preview_width=32, preview_height=24)
    return Picamera2Camera(options), partial(rig.faults.update, capture=TimeoutError())


def v4l2_camera(formats, tmp_path, monkeypatch):
    webcam = Webcam(formats).install(monkeypatch)
    picture = io.BytesIO()
    Image.new("L", (64, 48)).save(picture, "JPEG")
    data = picture.getvalue() if "MJPG" in formats else bytes(64 * 48 * 2)
    camera = V4l2Camera(V4l2Options(device=DEVICE, width=64, height=48))
    ticks = iter(range(10**9, 10**12, 10**6))
    webcam.refill = lambda: webcam.show(data, ticks=next(ticks))
    return camera, partial(setattr, webcam, "unplugged", True)


def sim_camera(tmp_path, monkeypatch):
    pictures = [np.full((48, 64), number, np.uint8) for number in range(5)]
    gone = Unavailable("the scene is gone; start it again")
    return SimCamera(pictures), partial(pictures.__setitem__, GONE_AFTER, gone)


CAMERAS = {
    "files": files_camera,
    "frames": frame_camera,
    "sim": sim_camera,
    "picamera2": picamera2_camera,
    "v4l2 plain": partial(v4l2_camera, {"YUYV": 30}),
    "v4l2 compressed": partial(v4l2_camera, {"MJPG": 30}),
}


@pytest.fixture(params=CAMERAS)
def camera_and_vanish(request, tmp_path, monkeypatch):
    camera, vanish = CAMERAS[request.param](tmp_path, monkeypatch)
    yield camera, vanish
    camera.close()


@pytest.fixture
def camera(camera_and_vanish) -> Camera:
    return camera_and_vanish[0]


def test_a_frame_is_a_grey_plane_whose_columns_are_not_strided(camera):
    frames = camera.frames()
    for _ in range(3):
        frame = next(frames)
        for plane in filter(lambda plane: plane is not None, (frame.luma, frame.preview)):
            assert plane.dtype == np.uint8 and plane.ndim == 2 and plane.strides[1] == 1
        assert frame.luma.shape == (48, 64)


def test_a_preview_is_smaller_than_its_picture(camera):
    frame = next(camera.frames())
    assert frame.preview is None or frame.preview.size < frame.luma.size


def test_ticks_are_whole_nanoseconds_and_never_go_back(camera):
    frames = camera.frames()
    ticks = [next(frames).ticks for _ in range(3)]
    assert ticks == sorted(ticks) and all(type(value) is int for value in ticks)


def test_a_camera_says_whether_it_is_live(camera):
    assert camera.live is isinstance(camera, Picamera2Camera | V4l2Camera)


def test_two_iterators_of_a_camera_share_its_pictures(camera):
    first, second = camera.frames(), camera.frames()
    ticks = [next(iterator).ticks for iterator in (first, second, first)]
    assert ticks == sorted(set(ticks))


def test_closing_twice_is_closing_once_and_ends_every_iterator(camera):
    frames = camera.frames()
    next(frames)
    camera.close()
    camera.close()
    assert list(frames) == [] and list(camera.frames()) == []


def test_a_camera_can_be_closed_unused(camera):
    camera.close()
    assert list(camera.frames()) == []


def test_a_camera_whose_device_vanished_says_so_on_every_ask(camera_and_vanish):
    camera, vanish = camera_and_vanish
    frames = camera.frames()
    for _ in range(GONE_AFTER):
        next(frames)
    vanish()
    for asking in (frames, camera.frames(), camera.frames()):
        with pytest.raises(Unavailable, match=";"):
            next(asking)
    camera.close()
    assert list(frames) == []


# -- relays: each entry makes a relay from a wait, and reads the levels its contact went through


@contextmanager
def relayd_relay(wait, tmp_path):
    with house(tmp_path) as relayd:
        yield relayd.line(wait=wait), lambda: [bool(level) for level in relayd.levels()]


@contextmanager
def sim_relay(wait, tmp_path):
    relay = SimRelay(SimRelayOptions(), wait=wait)
    yield (
        relay,
        lambda: [False, *(e.event == "on" for e in relay.history if e.event != "closed")],
    )


RELAYS = {"relayd": relayd_relay, "sim": sim_relay}


class Waits:
    """A wait that records its seconds and raises what it is told to."""

    def __init__(self):
        self.seconds = []
        self.error = None

    def __call__(self, seconds):
        self.seconds.append(seconds)
        if self.error is not None:
            raise self.error


@pytest.fixture
def waits():
    return Waits()


@pytest.fixture(params=RELAYS)
def relay_and_levels(request, waits, tmp_path):
    with RELAYS[request.param](waits, tmp_path) as (relay, levels):
        yield relay, levels
        relay.close()


@pytest.fixture
def relay(relay_and_levels) -> Relay:
    return relay_and_levels[0]


@pytest.fixture
def levels(relay_and_levels):
    return relay_and_levels[1]


def test_a_relay_is_off_when_made_and_off_when_closed(relay, levels):
    assert levels() == [False]
    relay.close()
    relay.close()
    assert levels() == [False]


@pytest.mark.parametrize("milliseconds", [1, 200, MAX_PULSE_MS])
def test_a_pulse_lasts_as_long_as_asked_and_ends_off(relay, levels, waits, milliseconds):
    relay.pulse(milliseconds)
    assert levels() == [False, True, False]
    assert waits.seconds == [milliseconds / 1000]


@pytest.mark.parametrize("milliseconds", [0, -1, MAX_PULSE_MS + 1, 0.5, True, "1", None])
def test_a_length_out_of_range_is_refused_and_moves_nothing(relay, levels, waits, milliseconds):
    with pytest.raises(Refused, match=f"{milliseconds!r}") as caught:
        relay.pulse(milliseconds)
    assert caught.value.reason == "R-PULSE"
    assert levels() == [False] and waits.seconds == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(0), RuntimeError("wait broke")])
def test_an_interrupted_pulse_is_off_and_the_relay_goes_on(relay, levels, waits, error):
    waits.error = error
    with pytest.raises(type(error)):
        relay.pulse(100)
    waits.error = None
    relay.pulse(100)
    assert levels() == [False, True, False, True, False]


def test_a_pulse_after_close_is_unavailable_and_moves_nothing(relay, levels):
    relay.pulse(100)
    relay.close()
    for _ in range(2):
        with pytest.raises(Unavailable, match="closed"):
            relay.pulse(100)
    assert levels() == [False, True, False]


# -- what only the relay made of memory has


def test_the_relay_of_memory_records_what_when_and_how_long():
    ticks = iter(range(100, 200))
    relay = SimRelay(clock=lambda: next(ticks))
    relay.pulse(250)
    relay.pulse(10)
    relay.close()
    relay.close()
    assert relay.history == (
        RelayEvent("on", 100, 250),
        RelayEvent("off", 101, 250),
        RelayEvent("on", 102, 10),
        RelayEvent("off", 103, 10),
        RelayEvent("closed", 104, 0),
    )


def test_an_unplugged_relay_is_unavailable_until_it_is_plugged_in():
    relay = SimRelay()
    relay.unplug()
    with pytest.raises(Unavailable, match="unplugged"):
        relay.pulse(100)
    relay.plug()
    relay.pulse(100)
    assert [entry.event for entry in relay.history] == ["on", "off"]


def test_a_relay_of_memory_in_real_time_takes_the_time_it_says(monkeypatch):
    slept = []
    monkeypatch.setattr("hw.sim.relay.time.sleep", slept.append)
    SimRelay(SimRelayOptions(real_time=True)).pulse(300)
    SimRelay(SimRelayOptions(real_time=False)).pulse(300)
    assert slept == [0.3]


def test_the_history_is_bounded_and_keeps_the_newest():
    relay = SimRelay(clock=lambda: 0)
    for _ in range(MAX_HISTORY // 2 + 1):
        relay.pulse(1)
    relay.close()
    assert len(relay.history) == MAX_HISTORY and relay.history[-1].event == "closed"


# -- sensors: each entry makes all four inputs, at rest; how to move one; how to take them away


def gpio_sensors(monkeypatch):
    pins = {"contact": 23, "exit": 24, "tamper": 25, "fire": 26}
    sensors = GpioSensors(GpioSensorsOptions(**pins, fire_pull="none", factory="mock"))
    resting = {Sensor.CONTACT: False, Sensor.EXIT: True, Sensor.TAMPER: False, Sensor.FIRE: False}

    def drive(sensor, is_active):
        pin = sensors.pins[sensor]
        (pin.drive_high if is_active is not resting[sensor] else pin.drive_low)()

    for sensor in Sensor:
        drive(sensor, False)
    return sensors, drive, partial(monkeypatch.setattr, MockPin, "_get_state", no_such_device)


def no_such_device(*_):
    raise OSError("no such device")


def sim_sensors(monkeypatch):
    sensors = SimSensors()
    return sensors, sensors.drive, sensors.unplug


SENSORS = {"gpio": gpio_sensors, "sim": sim_sensors}


@pytest.fixture(params=SENSORS)
def inputs(request, monkeypatch):
    sensors, drive, vanish = SENSORS[request.param](monkeypatch)
    yield sensors, drive, vanish
    sensors.close()


@pytest.fixture
def sensors(inputs) -> DoorSensors:
    return inputs[0]


@pytest.fixture
def drive(inputs):
    return inputs[1]


def told(levels, count):
    return [(level.sensor, level.is_active) for level in islice(levels, count)]


def test_inputs_are_told_as_they_are_then_each_change_in_its_order(sensors, drive):
    drive(Sensor.TAMPER, True)
    levels = sensors.levels()
    assert sorted(told(levels, 4), key=str) == sorted(
        [(sensor, sensor is Sensor.TAMPER) for sensor in Sensor], key=str
    )
    moves = [
        *((Sensor.CONTACT, True), (Sensor.FIRE, True), (Sensor.TAMPER, False)),
        *((Sensor.EXIT, True), (Sensor.EXIT, False), (Sensor.CONTACT, False)),
        *((Sensor.CONTACT, True), (Sensor.FIRE, False)),
    ]
    for sensor, is_active in moves:
        drive(sensor, is_active)
    assert told(levels, len(moves)) == moves


def test_ticks_of_levels_are_whole_nanoseconds_and_never_go_back(sensors, drive):
    levels = sensors.levels()
    ticks = [level.ticks for level in islice(levels, 4)]
    for is_active in (True, False) * 5:
        drive(Sensor.CONTACT, is_active)
    ticks += [level.ticks for level in islice(levels, 10)]
    assert ticks == sorted(ticks) and all(type(value) is int for value in ticks)


def test_an_edge_that_changes_nothing_is_not_told(sensors, drive):
    levels = sensors.levels()
    told(levels, 4)
    for is_active in (False, True, True, False):
        drive(Sensor.EXIT, is_active)
    drive(Sensor.FIRE, True)
    assert told(levels, 3) == [(Sensor.EXIT, True), (Sensor.EXIT, False), (Sensor.FIRE, True)]


def test_an_input_that_chatters_is_bounded_drowns_no_other_and_ends_true(sensors, drive):
    levels = sensors.levels()
    told(levels, 4)
    for _ in range(1_000):
        drive(Sensor.EXIT, True)
        drive(Sensor.EXIT, False)
    drive(Sensor.EXIT, True)
    drive(Sensor.FIRE, True)

    heard = told(levels, MAX_PENDING + 2)

    assert heard[-2:] == [(Sensor.FIRE, True), (Sensor.EXIT, True)]
    assert {sensor for sensor, _ in heard[:-2]} == {Sensor.EXIT}


def test_closing_ends_a_reader_that_waits_within_half_a_second(sensors):
    heard, first = [], threading.Event()

    def read():
        for level in sensors.levels():
            heard.append(level)
            first.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert first.wait(5)
    sensors.close()
    reader.join(0.5)

    assert not reader.is_alive()
    assert len(heard) <= 4
    sensors.close()
    assert list(sensors.levels()) == []


def test_inputs_can_be_closed_unused_and_edges_after_that_are_nothing(sensors, drive):
    sensors.close()
    drive(Sensor.CONTACT, True)
    assert list(sensors.levels()) == []


def test_inputs_that_are_gone_say_so_on_every_ask(inputs, monkeypatch):
    monkeypatch.setattr("hw.level_queue.LOOK_S", 0.01)
    sensors, _, vanish = inputs
    levels = sensors.levels()
    told(levels, 4)
    vanish()
    for asking in (levels, sensors.levels(), sensors.levels()):
        with pytest.raises(Unavailable, match=";"):
            next(asking)


# -- indicators: each entry makes one, how to take its device away, and whether all of it is off


def gpio_indicator(tmp_path, stack):
    indicator = GpioIndicator(GpioIndicatorOptions(factory="mock"))
    pins = indicator.pins.values()

    def vanish():
        for pin in pins:
            pin.function = "input"

    return indicator, vanish, lambda: not any(pin.state for pin in pins)


def sim_indicator(tmp_path, stack):
    indicator = SimIndicator()

    def is_off():
        return not indicator.history or indicator.history[-1].signal is None

    return indicator, indicator.unplug, is_off


def sounds(tmp_path, stack):
    player = StandInPlayer(tmp_path)
    stack.callback(player.close)
    indicator = Sounds(SoundsOptions(command=str(player.path)))

    def vanish():
        player.fail()
        indicator.show(Signal.RED)
        assert indicator.wait_until_quiet(10)

    return indicator, vanish, player.is_quiet


def together(tmp_path, stack):
    lamps, unplug, lamps_off = gpio_indicator(tmp_path, stack)
    memory, _, memory_off = sim_indicator(tmp_path, stack)
    return Together(lamps, memory), unplug, lambda: lamps_off() and memory_off()


INDICATORS = {
    "gpio": gpio_indicator,
    "sim": sim_indicator,
    "sounds": sounds,
    "together": together,
}


@pytest.fixture(params=INDICATORS)
def lights(request, tmp_path):
    with ExitStack() as stack:
        indicator, vanish, is_off = INDICATORS[request.param](tmp_path, stack)
        stack.callback(indicator.close)
        yield indicator, vanish, is_off


@pytest.fixture
def indicator(lights) -> Indicator:
    return lights[0]


@pytest.fixture
def is_off(lights):
    return lights[2]


def test_an_indicator_is_off_when_made_and_off_when_closed(indicator, is_off):
    assert is_off()
    indicator.close()
    indicator.close()
    assert is_off()


def test_every_signal_may_follow_every_other_and_none_is_waited_for(indicator):
    for first in Signal:
        for second in Signal:
            indicator.show(first)
            indicator.show(second)


def test_an_indicator_closed_amid_an_alarm_is_off(indicator, is_off):
    indicator.show(Signal.ALARM)
    assert not is_off() or isinstance(indicator, Sounds)  # whose player has not begun yet
    closing = threading.Thread(target=indicator.close)
    closing.start()
    closing.join(10)
    assert not closing.is_alive()
    assert is_off()


def test_a_closed_indicator_shows_nothing_more(indicator, is_off):
    indicator.close()
    with pytest.raises(Unavailable, match="closed"):
        indicator.show(Signal.GREEN)
    assert is_off()


def test_an_indicator_whose_device_is_gone_says_what_to_do(lights):
    indicator, vanish, _ = lights
    vanish()
    with pytest.raises(Unavailable, match=";"):
        indicator.show(Signal.GREEN)
