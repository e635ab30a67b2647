"""The table of drivers: complete, strict, and never a driver in place of another."""

import dataclasses
import sys
from typing import get_type_hints

import pytest

from hw import drivers
from hw.camera.files import FilesCamera, FilesOptions
from hw.errors import Refused, Unavailable
from hw.relay_line import RelayLine
from hw.sim.relay import SimRelay

EVERY = [(kind, name) for kind in drivers.DRIVERS for name in drivers.names(kind)]


def test_the_table_holds_the_documented_names():
    assert {"files", "picamera2", "v4l2"} <= set(drivers.names("camera"))
    assert {"relayd", "sim"} <= set(drivers.names("relay"))


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_driver_has_frozen_options_with_defaults_the_loader_can_check(kind, name):
    options = drivers.options_of(kind, name)
    hints = get_type_hints(options)
    made = options()
    for field in dataclasses.fields(options):
        assert hints[field.name] in drivers._WORDS
        assert drivers.faults(kind, name, {field.name: getattr(made, field.name)}) == []
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(made, field.name, None)


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_entry_leads_to_a_class(kind, name):
    assert isinstance(drivers._load(drivers.DRIVERS[kind][name][0]), type)


def test_a_driver_is_made_with_its_options(tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 255\n\x01\x02")
    camera = drivers.make("camera", "files", {"paths": [str(tmp_path)]})
    assert isinstance(camera, FilesCamera)
    assert [frame.luma.tolist() for frame in camera.frames()] == [[[1, 2]]]
    relay = drivers.make("relay", "relayd", {"socket": "relay.sock", "way_out": True})
    assert isinstance(relay, RelayLine)
    relay.close()
    assert isinstance(drivers.make("relay", "sim", {}), SimRelay)


def test_an_unknown_kind_or_name_is_refused_with_the_known_ones():
    for ask in (drivers.make, drivers.faults):
        for kind, name, message in [
            ("kamera", "files", "no kind of driver 'kamera'; there is camera, relay"),
            ("relay", "gpoi", "no relay driver 'gpoi'; there is relayd, sim"),
            ("relay", None, "no relay driver None; there is relayd, sim"),
        ]:
            if ask is drivers.make:
                with pytest.raises(Refused, match=message) as caught:
                    ask(kind, name, {})
                assert caught.value.reason == "R-SETTINGS"
            else:
                (fault,) = ask(kind, name, {})
                assert message in fault
    with pytest.raises(Refused, match="kamera"):
        drivers.names("kamera")
    with pytest.raises(Refused, match="gpoi"):
        drivers.options_of("relay", "gpoi")


def test_all_faults_are_told_at_once():
    wrong = {"width": "wide", "height": 0, "fps": True, "devise": "/dev/video0"}
    assert drivers.faults("camera", "v4l2", wrong) == [
        "camera v4l2: width = 'wide'; give a whole number from 64 to 4608",
        "camera v4l2: height = 0; give a whole number from 64 to 2592",
        "camera v4l2: fps = True; give a whole number from 1 to 120",
        "camera v4l2 has no option 'devise'; it has device, width, height, fps",
    ]
    with pytest.raises(Refused) as caught:
        drivers.make("camera", "v4l2", wrong)
    assert str(caught.value) == "; ".join(drivers.faults("camera", "v4l2", wrong))


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"factory": "native"}, "one of lgpio, mock"),
        ({"factory": 3}, "a text"),
        ({"active_high": 1}, "true or false"),
        ({"pin": 8}, "a whole number from 9 to 27"),
        ({"pin": 17.0}, "a whole number from 9 to 27"),
        ({"pin": None}, "a whole number from 9 to 27"),
        ({"pin": 10**400}, "a whole number from 9 to 27"),
    ],
)
def test_a_wrong_value_is_named_with_what_to_give(options, wanted, monkeypatch):
    @dataclasses.dataclass(frozen=True)
    class Options:
        pin: int = dataclasses.field(default=17, metadata={"least": 9, "most": 27})
        active_high: bool = True
        factory: str = dataclasses.field(default="lgpio", metadata={"one_of": ("lgpio", "mock")})

    monkeypatch.setattr(drivers, "options_of", lambda kind, name: Options)
    (fault,) = drivers.faults("relay", "relayd", options)
    assert fault.endswith(f"; give {wanted}")
    assert len(fault) < 200


def test_a_list_of_texts_may_be_a_list_or_a_tuple_but_not_a_text():
    for good in (["a"], ("a", "b"), []):
        assert drivers.faults("camera", "files", {"paths": good}) == []
    for bad in ("a.png", [1], {"a": 1}, None):
        (fault,) = drivers.faults("camera", "files", {"paths": bad})
        assert fault.endswith("give a list of texts")


def test_a_number_may_be_whole_or_not_but_must_be_in_range(monkeypatch):
    @dataclasses.dataclass(frozen=True)
    class Options:
        gain: float = dataclasses.field(default=1.0, metadata={"least": 0, "most": 8})

    monkeypatch.setattr(drivers, "options_of", lambda kind, name: Options)
    for good in (0, 0.5, 8):
        assert drivers.faults("camera", "files", {"gain": good}) == []
    for bad in (float("nan"), float("inf"), -1, True, "1"):
        (fault,) = drivers.faults("camera", "files", {"gain": bad})
        assert fault.endswith("give a number from 0 to 8")


def test_a_failing_driver_stops_the_start(monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(Unavailable, match="python3-picamera2"):
        drivers.make("camera", "picamera2", {})
    with pytest.raises(Unavailable):
        drivers.make("camera", "v4l2", {"device": "/nowhere"})


def test_a_driver_that_raises_something_else_is_unavailable(monkeypatch):
    def broken(options):
        raise ZeroDivisionError("no rows")

    monkeypatch.setattr("hw.camera.files.FilesCamera", broken)
    with pytest.raises(Unavailable, match=r"camera files fails .ZeroDivisionError: no rows"):
        drivers.make("camera", "files", {})


def test_a_module_that_cannot_be_loaded_is_unavailable(monkeypatch):
    monkeypatch.setitem(sys.modules, "hw.camera.v4l2", None)
    for ask in (drivers.options_of, lambda kind, name: drivers.make(kind, name, {})):
        with pytest.raises(Unavailable, match=r"hw\.camera\.v4l2 cannot be loaded"):
            ask("camera", "v4l2")


def test_options_are_handed_over_as_the_drivers_own_dataclass(monkeypatch):
    seen = []
    monkeypatch.setattr("hw.camera.files.FilesCamera", seen.append)
    drivers.make("camera", "files", {"paths": ["a"], "repeat": True})
    assert seen == [FilesOptions(("a",), True)]
