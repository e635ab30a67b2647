"""The board's light: what the kernel is told, in a folder that looks like its own."""

import pytest

from hw.board_light import Light, show


def led(folder, name="ACT"):
    place = folder / name
    place.mkdir()
    for file in ("trigger", "delay_on", "delay_off"):
        (place / file).write_text("[mmc0] timer default-on")
    return place


def told(place):
    return [(place / file).read_text() for file in ("trigger", "delay_on", "delay_off")]


@pytest.mark.parametrize("light", [Light.WAITING, Light.BUSY, Light.REFUSED])
@pytest.mark.parametrize("name", ["ACT", "led0"])
def test_a_rhythm_is_left_to_the_kernel(tmp_path, light, name):
    place = led(tmp_path, name)

    assert show(light, tmp_path)

    assert told(place) == ["timer", *map(str, light.value)]


def test_steady_needs_no_rhythm(tmp_path):
    place = led(tmp_path)

    assert show(Light.DONE, tmp_path)

    assert (place / "trigger").read_text() == "default-on"


def test_no_two_lights_are_alike_and_none_flashes_more_than_three_times_a_second():
    rhythms = [light.value for light in Light]

    assert len(set(rhythms)) == len(rhythms)
    assert all(off == 0 or on + off >= 334 for on, off in rhythms)


def test_a_machine_without_a_light_or_a_kernel_without_the_trigger_shows_nothing(tmp_path):
    assert not show(Light.BUSY, tmp_path)
    (tmp_path / "ACT" / "trigger").mkdir(parents=True)  # cannot be written

    assert not show(Light.BUSY, tmp_path)
    assert not show(Light.BUSY, tmp_path / "nowhere")
