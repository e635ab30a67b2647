"""`yardpass sim`: what it says to write into the settings is what a terminal reads from."""

import _thread
import signal
import threading
import tomllib
from contextlib import closing

import pytest

from hw import drivers
from hw.codes import Scanner
from hw.ports import CardRead, Health
from hw.readers.pn532 import Pace, Pn532Options, Pn532Reader
from hw.readers.serial_qr import SerialQrOptions, SerialQrReader

WAIT = 10.0


def settings_in(out, table):
    """The settings that the command printed, as a terminal would take them."""
    return tomllib.loads(out.partition("\n\n")[2].rpartition("\n\n")[0])[table]


def played(main, arguments, reader, wanted, stop):
    """What the command gave and said; the signal `stop` comes when all `wanted` was read."""
    rest = set(wanted)

    def listen():
        for event in reader.events(lambda: bytes(32)):
            if isinstance(event, CardRead) and rest:
                rest.discard(event.number or event.text)
                if not rest:
                    _thread.interrupt_main(stop)

    with closing(reader):
        listener = threading.Thread(target=listen)
        listener.start()
        result = main(*arguments, "--every", "0.2", "--count", "50")
    listener.join(WAIT)
    assert rest == set()
    return result


def test_a_terminal_reads_the_cards_of_the_simulated_pn532(main, tmp_path):
    port = tmp_path / "port"
    uids = ("04A1B2C3D4E5F6", "11223344")
    arguments = ["sim", "reader", "pn532", "--port", port, "--uid", uids[0], "--uid", uids[1]]
    reader = Pn532Reader(Pn532Options(str(port)), pace=Pace(look_s=0.02, retry_s=0.02))

    code, out, err = played(
        main, arguments, reader, [bytes.fromhex(uid) for uid in uids], signal.SIGTERM
    )

    assert code == 0
    assert settings_in(out, "reader") == {"driver": "pn532", "port": str(port)}
    assert "shown: card 04a1b2c3d4e5f6\nshown: card 11223344\n" in err
    assert not port.is_symlink()


def test_a_terminal_reads_the_codes_of_the_simulated_qr_module(main, tmp_path):
    port = tmp_path / "port"
    arguments = ["sim", "reader", "qr", "--port", port, "--text", "YP1:ANNA", "--text", "YP1:BO"]
    reader = SerialQrReader(SerialQrOptions(str(port)), retry_s=0.02)

    code, out, err = played(main, arguments, reader, [b"YP1:ANNA", b"YP1:BO"], signal.SIGINT)

    assert code == 0
    assert settings_in(out, "reader") == {"driver": "serial_qr", "port": str(port)}
    assert "shown: code YP1:ANNA\nshown: code YP1:BO\n" in err


def test_without_a_port_it_makes_one_in_a_folder_of_its_own_and_takes_it_away(main):
    code, out, _ = main("sim", "reader", "pn532", "--every", "0.02", "--count", "1")

    assert code == 0
    options = settings_in(out, "reader")
    with closing(drivers.make("reader", options.pop("driver"), options)) as reader:
        health = next(reader.events(lambda: bytes(32)))
    assert isinstance(health, Health) and health.fault


def test_a_camera_of_pictures_shows_the_codes(main, tmp_path):
    folder = tmp_path / "pictures"
    code, out, _ = main("sim", "camera", folder, "--text", "YP1:ANNA", "--text", "YP1:BO")

    assert code == 0
    options = settings_in(out, "camera")
    assert options == {"driver": "files", "paths": [str(folder)], "repeat": True}
    with closing(drivers.make("camera", "files", {"paths": options["paths"]})) as camera:
        seen = [Scanner().read(frame.luma) for frame in camera.frames()]
    assert seen == [[b"YP1:ANNA"], [], [b"YP1:BO"], []]


def test_a_folder_that_holds_something_is_left_as_it_is(main, tmp_path):
    (tmp_path / "holiday.png").write_bytes(b"")
    code, out, err = main("sim", "camera", tmp_path, "--text", "YP1:ANNA")

    assert (code, out) == (1, "")
    assert "give a new folder" in err
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.png"]


def test_a_folder_that_cannot_be_made_is_said(main, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    code, _, err = main("sim", "camera", tmp_path / "file" / "in", "--text", "YP1:ANNA")

    assert code == 1
    assert "choose another folder" in err


def test_a_port_that_is_taken_is_said(main, tmp_path):
    (tmp_path / "port").write_bytes(b"mine")
    code, _, err = main("sim", "reader", "pn532", "--port", tmp_path / "port", "--count", "1")

    assert code == 1
    assert "choose another place" in err
    assert (tmp_path / "port").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["reader", "pn532", "--uid", "04A1"], "8, 14 or 20 hex digits"),
        (["reader", "pn532", "--uid", "rot13abc"], "8, 14 or 20 hex digits"),
        (["reader", "pn532", "--uid", "04 A1 B2 C3"], "8, 14 or 20 hex digits"),
        (["reader", "pn532", "--every", "0"], "--every"),
        (["reader", "qr"], "--text"),
        (["reader", "qr", "--text", "abc"], "4 to 1024 bytes"),
        (["reader", "qr", "--text", "x" * 1025], "4 to 1024 bytes"),
        (["reader", "qr", "--text", "YP1:\rABC"], "4 to 1024 bytes"),
        (["camera", "pictures"], "--text"),
        (["camera", "--text", "YP1:ANNA"], "FOLDER"),
        (["camera", "pictures", "--text", "YP1:ANNA", "--condition", "dull"], "--condition"),
    ],
)
def test_what_cannot_be_shown_is_misuse(main, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    code, out, err = main("sim", *arguments)

    assert (code, out) == (2, "")
    assert said in err
    assert list(tmp_path.iterdir()) == []
