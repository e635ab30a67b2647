"""`yardpass osdp-install` and `yardpass sim reader osdp`, as a technician runs them."""

import stat
import threading

import pytest
from click.testing import CliRunner
from rigs.osdp_forger import CAP, ID, IDENTITY, Forger, capabilities
from rigs.osdp_rig import ADDRESS, key_file, until

from appliance.commands.osdp_install import osdp_install
from appliance.commands.sim_osdp import osdp
from hw.errors import Refused as HardwareRefused
from hw.errors import Unavailable as HardwareUnavailable
from hw.ports import CardRead
from hw.readers.osdp import OsdpOptions, OsdpReader
from hw.readers.osdp_key import is_weak, read_key
from hw.sim.osdp import SimOsdp
from hw.sim.osdp_wire import Wire
from ledger_sync.errors import Refused, Unavailable

SECONDS = 2  # the least that the command takes


@pytest.fixture
def wire(tmp_path):
    wire = Wire(tmp_path / "tty")
    yield wire
    wire.unplug()


def sim_asked(wire):
    return [piece for piece in wire.history if piece.to == "reader"]


def run(wire, path, *more):
    arguments = ["--settings-port", str(wire.port), "--address", str(ADDRESS), "--key", str(path)]
    return CliRunner().invoke(osdp_install, [*arguments, "--seconds", str(SECONDS), *more])


def test_a_reader_in_install_mode_gets_a_random_key_that_then_opens_its_channel(wire, tmp_path):
    sim = SimOsdp(wire, address=ADDRESS)
    path = tmp_path / "reader.key"
    result = run(wire, path)

    assert result.exit_code == 0, result.output
    key = read_key(str(path))
    assert sim.set_key == key and not is_weak(key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["reader.key", "tty"]
    assert key.hex() not in result.output and f'key = "{path}"' in result.output

    reader = OsdpReader(OsdpOptions(port=str(wire.port), address=ADDRESS, key=str(path)))
    events = reader.events(bytes)
    assert next(events).fault == ""
    sim.show(b"\1\2\3\4", 32)
    assert next(events).number == b"\1\2\3\4"
    reader.close()
    sim.close()
    wired = b"".join(piece.data for piece in wire.history)
    assert key not in wired  # the channel of the default key hides it from a casual look only


def test_two_installs_give_two_keys(wire, tmp_path):
    for name in ("one", "two"):
        sim = SimOsdp(wire, address=ADDRESS)
        assert run(wire, tmp_path / name).exit_code == 0
        sim.close()

    assert read_key(str(tmp_path / "one")) != read_key(str(tmp_path / "two"))


@pytest.mark.long
def test_a_reader_that_is_not_there_leaves_nothing_behind(wire, tmp_path):
    result = run(wire, tmp_path / "reader.key")

    assert isinstance(result.exception, HardwareUnavailable)
    assert "does not answer; check its power" in str(result.exception)
    assert [entry.name for entry in tmp_path.iterdir()] == ["tty"]


@pytest.mark.long
def test_a_reader_that_has_a_key_takes_no_other_and_nothing_is_left_behind(wire, tmp_path):
    sim = SimOsdp(wire, address=ADDRESS, key=b"its key, 16 long")
    result = run(wire, tmp_path / "reader.key")
    sim.close()

    assert isinstance(result.exception, HardwareUnavailable)
    assert "answers and takes no key; put it into install mode" in str(result.exception)
    assert sim.set_key == b"its key, 16 long"
    assert [entry.name for entry in tmp_path.iterdir()] == ["tty"]


@pytest.mark.long
def test_a_reader_that_says_it_knows_no_security_gets_no_key(wire, tmp_path):
    answers = {ID: IDENTITY, CAP: capabilities(secure=0)}
    forger = Forger(wire, ADDRESS, answers, otherwise=b"\x40")
    result = run(wire, tmp_path / "reader.key")
    forger.close()

    assert isinstance(result.exception, HardwareUnavailable)
    assert "takes no key" in str(result.exception)
    assert [entry.name for entry in tmp_path.iterdir()] == ["tty"]


def test_a_port_that_is_pulled_out_meanwhile_ends_it(wire, tmp_path):
    sim = SimOsdp(wire, address=ADDRESS, key=b"its key, 16 long")
    puller = threading.Thread(target=lambda: until(lambda: sim_asked(wire)) and wire.unplug())
    puller.start()
    result = run(wire, tmp_path / "reader.key")
    puller.join()
    sim.close()

    assert isinstance(result.exception, HardwareUnavailable)
    assert "the serial port is gone" in str(result.exception)


def test_a_key_file_that_is_there_is_never_overwritten_nor_is_the_reader_touched(wire, tmp_path):
    path = key_file(tmp_path, b"some older key 1")
    result = run(wire, path)

    assert isinstance(result.exception, Refused) and "is there already" in str(result.exception)
    assert read_key(str(path)) == b"some older key 1" and wire.history == ()


def test_a_folder_that_is_not_there_is_told_before_the_reader_is_touched(wire, tmp_path):
    result = run(wire, tmp_path / "none" / "reader.key")

    assert isinstance(result.exception, Unavailable) and "check the path" in str(result.exception)
    assert wire.history == ()


def test_a_key_that_cannot_be_written_at_the_end_is_told_with_what_to_do(wire, tmp_path):
    sim = SimOsdp(wire, address=ADDRESS)
    path = tmp_path / "reader.key"
    until_key = threading.Thread(
        target=lambda: until(lambda: sim.set_key) and path.write_text("in between")
    )
    until_key.start()
    result = run(wire, path)
    until_key.join()
    sim.close()

    assert isinstance(result.exception, Unavailable) and "reset it" in str(result.exception)
    assert path.read_text() == "in between"


@pytest.mark.parametrize("more", [("--seconds", "601"), ("--baud", "9601"), ("--address", "127")])
def test_limits_hold(wire, tmp_path, more):
    assert run(wire, tmp_path / "reader.key", *more).exit_code == 2


# -- the simulated reader, from the command line


def test_a_card_that_is_typed_reaches_a_reader(tmp_path, monkeypatch):
    rig_key = b"a key of 16 byte"
    path = key_file(tmp_path, rig_key)
    port = tmp_path / "port"
    options = OsdpOptions(port=str(port), address=ADDRESS, key=str(path))
    reader = OsdpReader(options)
    events = []
    taker = threading.Thread(target=lambda: events.extend(reader.events(bytes)), daemon=True)

    class Hand:
        """Types once the gate has found the reader, and ends once the card was told."""

        lines = iter(["card 0102030405\n", "noise\n", "dance\n", "tamper on\n"])

        def readline(self, most):
            assert until(lambda: any(event.fault == "" for event in events[-1:]))
            line = next(self.lines, "quit\n")
            if line == "quit\n":
                assert until(lambda: isinstance(events[-1], CardRead))
            return line

    taker.start()
    monkeypatch.setattr("sys.stdin", Hand())
    osdp.callback(port=port, address=ADDRESS, key=str(path))
    reader.close()
    taker.join(1)

    assert (events[-1].number, events[-1].bits) == (bytes(range(1, 6)), 40)
    assert not port.is_symlink()


def test_a_simulated_reader_takes_no_place_that_is_taken(tmp_path):
    (tmp_path / "port").write_text("mine")
    result = CliRunner().invoke(osdp, ["--port", str(tmp_path / "port")])

    assert isinstance(result.exception, HardwareRefused)
    assert (tmp_path / "port").read_text() == "mine"


@pytest.mark.parametrize(
    "line",
    ["card", "card xyz", "card 01 0", "card 01 9", "card 01 8 8", "tamper", "tamper x", "cut now"],
)
def test_what_cannot_be_done_is_told_with_what_can(tmp_path, line):
    result = CliRunner().invoke(osdp, ["--port", str(tmp_path / "port")], input=line + "\nquit\n")

    assert result.exit_code == 0 and f"what is {line!r}?" in result.output
    assert not (tmp_path / "port").is_symlink()


def test_every_act_of_the_help_can_be_done(tmp_path):
    acts = "card 0102 12\n\ntamper on\ntamper off\ncut\nmend\nnoise\nunplug\nplug\nquit\ncard 01\n"
    result = CliRunner().invoke(osdp, ["--port", str(tmp_path / "port")], input=acts)

    assert result.exit_code == 0 and "what is" not in result.output
    for act in ("card", "tamper", "cut", "mend", "noise", "unplug", "plug", "quit"):
        assert act in CliRunner().invoke(osdp, ["--help"]).output


def test_lamp_and_buzzer_are_told_in_words(tmp_path, capsys):
    from appliance.commands.sim_osdp import _sentence
    from hw.sim.osdp import SimCommand

    told = [SimCommand("lamp", 0, 2), SimCommand("buzzer", 0, 3), SimCommand("key", 0, 0)]
    told.append(SimCommand("other", 0, 0))
    assert [_sentence(command) for command in told] == [
        *("lamp green", "buzzer 3 x", "a new key was set", "another command")
    ]
