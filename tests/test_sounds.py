"""Invariant: whatever bytes a clip has, it is taken or `Refused`, never anything else.

Sounds are played by a stand-in for `aplay` that tells what it was given."""

import io
import struct
import wave
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from standins.player_standin import StandInPlayer, line_for

from hw import drivers
from hw.clips import MAX_CLIP_BYTES, check_clip, clips_in
from hw.errors import Refused, Unavailable
from hw.patterns import PATTERNS
from hw.ports import Signal
from hw.sounds import Sounds, SoundsOptions
from hw.tones import HERTZ, RATE, tone


def wav(frames, rate=8_000):
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(1)
        out.setframerate(rate)
        out.writeframes(bytes(frames))
    return file.getvalue()


@pytest.fixture
def player(tmp_path):
    made = StandInPlayer(tmp_path)
    yield made
    made.close()


@pytest.fixture
def sounds(player):
    made = Sounds(SoundsOptions(command=str(player.path)))
    yield made
    made.close()


# -- clips


@given(st.binary(max_size=200))
@example(b"")
@example(b"RIFF")
@example(wav(10)[:30])
def test_a_clip_is_taken_or_refused(data):
    for clip in (data, b"RIFF" + data, wav(20)[: len(data)] + data, wav(20) + data):
        taken_or_refused(clip)


@given(st.integers(0, 60), st.integers(0, 255))
def test_a_clip_with_any_one_byte_changed_is_taken_or_refused(place, value):
    clip = bytearray(wav(100))
    clip[place] = value
    taken_or_refused(bytes(clip))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_clip_that_lies_about_its_size_is_taken_or_refused(size, rate):
    clip = bytearray(wav(100))
    clip[24:28], clip[40:44] = struct.pack("<I", rate), struct.pack("<I", size)
    taken_or_refused(bytes(clip))


def taken_or_refused(clip):
    try:
        check_clip(clip, 5_000)
    except Refused as refused:
        assert refused.reason == "R-SETTINGS"


def test_a_clip_too_long_too_large_or_empty_is_refused():
    check_clip(wav(40_000), 5_000)
    for clip, message in [
        (wav(40_001), "a clip lasts up to 5000 ms"),
        (wav(0), "a clip lasts up to"),
        (bytes(MAX_CLIP_BYTES + 1), "cut it"),
        (b"ID3 an MP3", "no WAV file .*sox"),
    ]:
        with pytest.raises(Refused, match=message):
            check_clip(clip, 5_000)


def test_a_folders_clips_take_the_place_of_tones(tmp_path):
    (tmp_path / "GREEN.wav").write_bytes(wav(10))
    clips = clips_in(str(tmp_path), 5_000)
    assert clips[Signal.GREEN] == wav(10)
    assert clips[Signal.RED] == tone(Signal.RED)
    assert set(clips) == set(Signal) - {Signal.IDLE, Signal.TROUBLE}


def test_the_clips_of_a_language_come_before_the_others(tmp_path):
    for place, length in ((tmp_path, 10), (tmp_path / "es", 20)):
        place.mkdir(exist_ok=True)
        (place / "RED.wav").write_bytes(wav(length))
    (tmp_path / "YELLOW.wav").write_bytes(wav(30))

    spanish, chinese = (clips_in(str(tmp_path), 5_000, tag) for tag in ("es", "zh-Hans"))

    assert (spanish[Signal.RED], spanish[Signal.YELLOW]) == (wav(20), wav(30))
    assert (chinese[Signal.RED], chinese[Signal.YELLOW]) == (wav(10), wav(30))


def test_a_clip_under_a_wrong_name_in_no_folder_or_unreadable_is_told(tmp_path):
    with pytest.raises(Refused, match="no folder of clips"):
        clips_in(str(tmp_path / "nowhere"), 5_000)
    (tmp_path / "GREY.wav").mkdir()
    with pytest.raises(Unavailable, match=r"GREY\.wav cannot be read.*; check"):
        clips_in(str(tmp_path), 5_000)
    (tmp_path / "GREY.wav").rmdir()
    (tmp_path / "RED.wav").write_bytes(b"noise")
    with pytest.raises(Refused, match=r"RED\.wav: no WAV file"):
        clips_in(str(tmp_path), 5_000)
    (tmp_path / "DURESS.wav").write_bytes(wav(10))
    with pytest.raises(Refused, match=r"DURESS\.wav is the clip of no signal; name it one of"):
        clips_in(str(tmp_path), 5_000)


@pytest.mark.parametrize("signal", HERTZ)
def test_a_tone_is_the_beeps_of_its_pattern_at_its_pitch(signal):
    check_clip(tone(signal), 5_000)
    with wave.open(io.BytesIO(tone(signal))) as opened:
        raw = opened.readframes(opened.getnframes())
        assert (opened.getnchannels(), opened.getframerate()) == (1, RATE)
    samples = struct.unpack(f"<{len(raw) // 2}h", raw)
    begin = 0
    for step in PATTERNS[signal].beeps:
        part = samples[begin : begin + step.ms * RATE // 1_000]
        begin += len(part)
        rises = sum(1 for a, b in pairwise(part) if a < 0 <= b)
        expected = HERTZ[signal] * step.ms / 1_000 if step.parts else 0
        assert abs(rises - expected) <= 1
        assert part[0] == 0 and abs(part[-1]) < 2_000  # no click
    assert begin == len(samples)


# -- the player


def test_a_signal_is_played_once_from_its_clip(sounds, player):
    sounds.show(Signal.GREEN)
    assert player.heard() == line_for(tone(Signal.GREEN))
    assert sounds.wait_until_quiet(10)
    sounds.show(Signal.GREEN)
    assert player.heard() == line_for(tone(Signal.GREEN))
    assert sounds.wait_until_quiet(10)
    assert player.is_quiet()


def test_a_device_is_handed_to_the_player_and_the_folders_clip_is_played(player, tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "RED.wav").write_bytes(wav(10))
    options = {"command": str(player.path), "device": "plughw:1", "folder": str(folder)}
    sounds = drivers.make("indicator", "sounds", options)
    sounds.show(Signal.RED)
    assert player.heard() == line_for(wav(10), "-q -D plughw:1")
    sounds.close()


def test_the_newest_signal_ends_the_one_that_plays_and_two_never_play_at_once(sounds, player):
    player.hang()
    for signal in (Signal.GREEN, Signal.RED, Signal.GREY) * 3:
        sounds.show(signal)
        assert player.heard() == line_for(tone(signal))  # else it would be "overlap"
    player.hang(False)
    sounds.show(Signal.IDLE)
    assert sounds.wait_until_quiet(10)
    assert player.is_quiet()


def test_signals_in_a_burst_are_passed_over_for_the_newest(sounds, player):
    for _ in range(200):
        sounds.show(Signal.GREEN)
    sounds.show(Signal.RED)
    lines = [player.heard()]
    while lines[-1] != line_for(tone(Signal.RED)):
        lines.append(player.heard())
    assert sounds.wait_until_quiet(10)
    assert len(lines) <= 201
    assert set(lines) <= {line_for(tone(Signal.GREEN)), line_for(tone(Signal.RED))}


def test_an_alarm_sounds_until_something_else_is_shown(sounds, player, monkeypatch):
    monkeypatch.setattr("hw.sounds.PAUSE_S", 0.01)
    sounds.show(Signal.ALARM)
    assert [player.heard() for _ in range(3)] == [line_for(tone(Signal.ALARM))] * 3
    sounds.show(Signal.IDLE)
    assert sounds.wait_until_quiet(10)
    assert player.is_quiet()


def test_a_player_that_fails_is_told_once_and_tried_again(sounds, player):
    player.fail()
    sounds.show(Signal.GREEN)
    assert sounds.wait_until_quiet(10)
    with pytest.raises(Unavailable, match=r"ended with 3.*; try 'aplay -l'"):
        sounds.show(Signal.RED)
    assert sounds.wait_until_quiet(10)
    (player.folder / "fail").unlink()
    with pytest.raises(Unavailable, match="ended with 3"):
        sounds.show(Signal.RED)
    assert sounds.wait_until_quiet(10)
    sounds.show(Signal.RED)
    assert [player.heard() for _ in range(4)][2:] == [line_for(tone(Signal.RED))] * 2


def test_a_player_that_hangs_is_killed_when_its_time_is_over(player, monkeypatch):
    monkeypatch.setattr("hw.sounds.GRACE_S", 1.0)
    sounds = Sounds(SoundsOptions(command=str(player.path), longest_ms=1))
    player.hang()
    sounds.show(Signal.GREEN)
    assert sounds.wait_until_quiet(10)
    assert player.is_quiet()
    with pytest.raises(Unavailable, match=r"did not end within 1\.001 s"):
        sounds.show(Signal.IDLE)
    sounds.close()


def test_a_player_that_vanished_is_told(sounds, player):
    player.path.unlink()
    sounds.show(Signal.GREEN)
    assert sounds.wait_until_quiet(10)
    with pytest.raises(Unavailable, match="No such file"):
        sounds.show(Signal.GREEN)


def test_closing_kills_what_plays(sounds, player):
    player.hang()
    sounds.show(Signal.ALARM)
    player.heard()
    sounds.close()
    assert player.is_quiet()


def test_a_player_that_is_not_installed_stops_the_start():
    with pytest.raises(Unavailable, match=r"no player 'no-such-player' .*apt install alsa-utils"):
        Sounds(SoundsOptions(command="no-such-player"))


@pytest.mark.heavy
@pytest.mark.parametrize("signal", HERTZ)
def test_the_real_player_takes_every_tone(signal):
    sounds = Sounds(SoundsOptions(device="null"))  # ALSA's own device that swallows all
    sounds.show(signal)
    if signal is not Signal.ALARM:
        assert sounds.wait_until_quiet(10)
    sounds.show(Signal.IDLE)  # raises what went wrong
    sounds.close()


@pytest.mark.heavy
def test_the_real_player_says_that_a_device_does_not_exist():
    sounds = Sounds(SoundsOptions(device="no-such-device"))
    sounds.show(Signal.RED)
    assert sounds.wait_until_quiet(10)
    with pytest.raises(Unavailable, match="aplay ended with 1"):
        sounds.show(Signal.IDLE)
    sounds.close()
