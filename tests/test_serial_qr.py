"""Whatever bytes a QR module's line brings, texts come out or nothing, no text is longer than
MAX_TEXT or holds a control character, no more than MAX_TEXT bytes are kept, and bytes one by one
give the same texts as all at once.
"""

import os
import random
import threading
import tty
from contextlib import closing
from pathlib import Path

import pytest

from hw.errors import Refused, Unavailable
from hw.ports import CardRead, Health
from hw.readers.line import Line
from hw.readers.presence import Repeats
from hw.readers.serial_port import BAUDS, open_serial, serial_line
from hw.readers.serial_qr import SerialQrOptions, SerialQrReader
from hw.readers.text_lines import MAX_TEXT, MIN_TEXT, TextLines, is_text
from hw.sim.line import PtyLine
from hw.sim.qr_module import QrEvent, SimQrModule

FUZZ = 20_000
WAIT = 10.0
CODE = b"YP1:6BFOXN*TS0BI$ZD4N9:9S6RCVN5+O30K3/XIV0W23NTDE"


# -- texts


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\r\n", b"\n\r"])
def test_a_text_ends_with_any_line_end(end):
    assert TextLines().feed(CODE + end + b"1234" + end) == [CODE, b"1234"]


def test_a_text_without_end_is_ended_by_a_pause():
    lines = TextLines()
    assert lines.feed(CODE) == []
    assert lines.pause() == [CODE]
    assert lines.pause() == []


def test_half_a_text_does_not_damage_the_next_one():
    lines = TextLines()
    assert lines.feed(CODE[:20]) == []
    assert lines.pause() == [CODE[:20]]
    assert lines.feed(CODE + b"\r") == [CODE]


@pytest.mark.parametrize("size", [MIN_TEXT, MAX_TEXT])
def test_a_text_of_any_length_that_codes_have_is_told(size):
    assert TextLines().feed(b"x" * size + b"\n") == [b"x" * size]


@pytest.mark.parametrize("size", [1, MIN_TEXT - 1, MAX_TEXT + 1, 100_000])
def test_what_is_too_short_or_too_long_is_dropped_and_the_next_is_told(size):
    lines = TextLines()
    assert lines.feed(b"x" * size + b"\r" + CODE + b"\r") == [CODE]
    assert lines.dropped == 1


def test_a_long_text_in_pieces_is_dropped_whole():
    lines = TextLines()
    for _ in range(100):
        assert lines.feed(b"x" * 100) == []
    assert lines.feed(b"tail\r" + CODE + b"\r") == [CODE]
    assert lines.dropped == 1


@pytest.mark.parametrize(
    "noise", [b"\xff\xfe\xfd\xfc", b"abc\x00def", b"\x1b[2Jabc", b"ab\x7fcd", b"\xc3\x28ab"]
)
def test_noise_is_no_text(noise):
    assert not is_text(noise)
    assert TextLines().feed(noise + b"\r") == []


def test_a_text_may_hold_letters_of_any_language():
    assert TextLines().feed("门禁-Tür\r".encode()) == ["门禁-Tür".encode()]


def test_any_bytes_are_texts_or_nothing():
    chance = random.Random(11)
    alphabet = [*CODE, 13, 10, 0, 255, 0xC3, 0xA4]
    for _ in range(FUZZ // 100):
        line = bytes(chance.choices(alphabet, k=chance.randrange(1, 3000)))
        at_once, single = TextLines(), TextLines()
        whole = at_once.feed(line)
        one_by_one = []
        for at in range(len(line)):
            one_by_one += single.feed(line[at : at + 1])
            assert len(single._bytes) <= MAX_TEXT
        assert whole == one_by_one
        assert all(is_text(text) and MIN_TEXT <= len(text) <= MAX_TEXT for text in whole)


def test_a_repeat_is_one_presentation_as_long_as_it_goes_on():
    repeats = Repeats(2_000)
    looks = [(b"a", 0), (b"a", 1_999), (b"a", 3_998), (b"a", 5_998), (b"b", 5_999), (b"a", 6_000)]
    assert [repeats.is_new(*look) for look in looks] == [True, False, False, True, True, True]


# -- the reader


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"port": ""}, "port"),
        ({"port": "a\0b"}, "port"),
        ({"baud": 9601}, "9600, 19200"),
        ({"again_ms": -1}, "0 to 60000"),
        ({"again_ms": True}, "0 to 60000"),
    ],
)
def test_wrong_options_are_refused_with_what_to_give(options, said):
    with pytest.raises(Refused, match=said) as caught:
        SerialQrReader(SerialQrOptions(**options))
    assert caught.value.reason == "R-SETTINGS"


def test_what_was_read_before_the_start_is_no_presentation(tmp_path):
    with closing(SimQrModule(tmp_path / "port")) as module:
        module.show(b"YP1:EARLIER")
        with closing(SerialQrReader(SerialQrOptions(module.path))) as reader:
            events = reader.events(lambda: b"")
            assert isinstance(next(events), Health)
            module.show(b"YP1:NOW")
            assert next(events).text == b"YP1:NOW"


def test_a_code_without_end_is_told_after_a_pause_of_the_line(tmp_path):
    with (
        closing(SimQrModule(tmp_path / "port", tail=b"")) as module,
        closing(SerialQrReader(SerialQrOptions(module.path))) as reader,
    ):
        events = reader.events(lambda: b"")
        next(events)
        for text in (CODE, b"YP1:2"):
            module.show(text)
            read = next(events)
            assert read == CardRead(module.path, read.ticks, text=text)


def test_a_hundred_codes_of_350_bytes_are_a_hundred_reads(tmp_path):
    texts = [b"YP1:%04d" % number + b"A" * 342 for number in range(100)]
    with closing(SimQrModule(tmp_path / "port")) as module:
        with closing(SerialQrReader(SerialQrOptions(module.path))) as reader:
            events = reader.events(lambda: b"")
            next(events)
            for text in texts:
                module.show(text)
                assert next(events).text == text
        assert module.history == tuple(QrEvent("show", text) for text in texts)


def test_a_simulated_module_repeats_only_what_is_held(tmp_path):
    with closing(SimQrModule(tmp_path / "port")) as module:
        module.show(b"YP1:A")
        module.stay()
        module.remove()
        module.stay()
        assert [event.event for event in module.history] == ["show", "stay", "remove"]


# -- the serial port


def test_a_port_is_raw_and_as_fast_as_asked():
    near, far = os.openpty()
    try:
        for baud, speed in BAUDS.items():
            descriptor = open_serial(os.ttyname(far), baud)
            mode = tty.tcgetattr(descriptor)
            assert mode[tty.ISPEED] == mode[tty.OSPEED] == speed
            assert not mode[tty.LFLAG] & (tty.ECHO | tty.ICANON | tty.ISIG)
            os.close(descriptor)
    finally:
        os.close(near)
        os.close(far)


def test_two_programs_cannot_share_a_port(tmp_path):
    with closing(PtyLine(tmp_path / "port")) as cable:
        first = open_serial(cable.path, 9600)
        with pytest.raises(Unavailable, match="used by another program; stop it"):
            open_serial(cable.path, 9600)
        os.close(first)
        os.close(open_serial(cable.path, 9600))


def test_a_port_that_is_none_is_unavailable(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for name, said in (("file", "no serial port; look at"), ("nothing", "No such file.*; check")):
        line = serial_line(str(tmp_path / name), 9600)
        with closing(line), pytest.raises(Unavailable, match=said):
            line.open()


def test_a_port_that_cannot_be_set_up_is_unavailable(tmp_path, monkeypatch):
    def refuse(*_):
        raise tty.error(5, "Input/output error")

    with closing(PtyLine(tmp_path / "port")) as cable:
        monkeypatch.setattr("hw.readers.serial_port.tty.setraw", refuse)
        with pytest.raises(Unavailable, match="cannot be set up"):
            open_serial(cable.path, 9600)


# -- a line


def pipe_line():
    read, write = os.pipe()
    os.set_blocking(read, False)
    return Line("pipe", lambda: read), write


def test_a_line_gives_what_comes_and_nothing_after_its_time():
    line, write = pipe_line()
    with closing(line):
        line.open()
        assert line.read(0) == b""
        os.write(write, b"abc")
        assert line.read(WAIT) == b"abc"
        os.close(write)
        with pytest.raises(Unavailable, match="hung up; check"):
            line.read(WAIT)


def test_a_line_that_is_shut_or_closed_cannot_be_used():
    line, write = pipe_line()
    for act in (lambda: line.read(0), lambda: line.write(b"x")):
        with pytest.raises(Unavailable, match="not open"):
            act()
    line.open()
    line.close()
    line.close()
    assert line.is_closed and line.read(WAIT) == b""
    line.write(b"x")
    line.pause(WAIT)
    line.shut()
    with pytest.raises(Unavailable, match="closed"):
        line.open()
    with pytest.raises(BrokenPipeError):
        os.write(write, b"x")
    os.close(write)


def test_a_line_that_takes_nothing_is_unavailable(monkeypatch):
    monkeypatch.setattr("hw.readers.line.WRITE_S", 0.05)
    read, write = os.pipe()
    os.set_blocking(write, False)
    with closing(Line("pipe", lambda: write)) as line:
        line.open()
        with pytest.raises(Unavailable, match="takes no more bytes; check"):
            line.write(bytes(1_000_000))
        os.close(read)
        with pytest.raises(Unavailable, match="Broken pipe"):
            line.write(b"x")


def test_an_opener_that_fails_leaves_a_line_that_can_be_opened_later():
    read, write = os.pipe()
    answers = iter([OSError(13, "Permission denied"), Unavailable("gone; plug it in"), read])

    def opener():
        answer = next(answers)
        if isinstance(answer, int):
            return answer
        raise answer

    with closing(Line("pipe", opener)) as line:
        with pytest.raises(Unavailable, match="Permission denied; check"):
            line.open()
        with pytest.raises(Unavailable, match="plug it in"):
            line.open()
        line.open()
        os.write(write, b"x")
        assert line.read(WAIT) == b"x"
    os.close(write)


@pytest.mark.parametrize("act", ["close", "shut"])
def test_a_wait_is_ended_from_another_thread_again_and_again(act):
    for _ in range(20):
        line, write = pipe_line()
        line.open()
        ended = threading.Event()

        def wait(line=line, ended=ended):
            assert line.read(WAIT) == b""
            ended.set()

        waiting = threading.Thread(target=wait)
        waiting.start()
        getattr(line, act)()
        if act == "shut" and not ended.wait(0.2):  # it came before the wait had begun
            line.close()
        assert ended.wait(WAIT)
        waiting.join()
        line.close()
        os.close(write)


# -- the simulated cable


def test_a_cut_cable_loses_what_is_sent_and_a_corrupt_one_damages_it(tmp_path):
    cable = PtyLine(tmp_path / "port")
    with closing(cable), closing(serial_line(cable.path, 9600)) as line:
        line.open()
        cable.corrupt(1)
        for text in (b"abc", b"def"):
            cable.send(text)
            assert line.read(WAIT) == (b"a\x37c" if text == b"abc" else text)
        cable.cut()
        cable.send(b"lost")
        line.write(b"lost too")
        assert line.read(0) == b"" and cable.receive(WAIT) == b""
        cable.mend()
        line.write(b"heard")
        assert cable.receive(WAIT) == b"heard"


def test_a_plugged_cable_keeps_its_name_and_an_unplugged_one_has_none(tmp_path):
    cable = PtyLine(tmp_path / "port")
    link = Path(cable.path)
    first = link.readlink()
    cable.plug()
    assert link.readlink() == first
    cable.unplug()
    cable.unplug()
    cable.send(b"nobody hears")
    assert not link.is_symlink() and cable.receive(0) == b""
    cable.plug()
    assert link.exists()
    cable.close()
    cable.close()
    cable.plug()
    assert not link.is_symlink() and cable.receive(WAIT) == b""


def test_the_name_of_a_cable_that_was_killed_is_taken_over(tmp_path):
    (tmp_path / "port").symlink_to("/dev/pts/nobody")
    with closing(PtyLine(tmp_path / "port")) as cable:
        os.close(open_serial(cable.path, 9600))


def test_a_cable_without_a_name_takes_its_folder_with_it():
    cable = PtyLine()
    folder = Path(cable.path).parent
    assert folder.is_dir()
    cable.close()
    assert not folder.exists()
