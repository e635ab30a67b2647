"""The card made of memory: honest and dishonest as it is told, on every emulator alike."""

import queue
import signal
import socket
import subprocess
import sys
import threading

import pytest
from card_verifier import judge_certified
from click.testing import CliRunner
from makers import signer

from appliance.commands import sim_card
from appliance.commands.sim_card import Keys, make_card, shown
from hw.cards.tap import STOPPED, tap
from hw.errors import Refused, Unavailable
from hw.sim.card import MAX_HISTORY, UID, Exchange, SimCard, Trick
from hw.sim.vpcd import ATR, VpcdField
from ledger_sync.keyfile import write_key
from ledger_sync.keys import ED25519, ES256, verify_es256

KEYS = Keys(*(signer(name, ES256) for name in ("card", "issuer", "other")))
ISSUERS = {b"YARDPASS--SIM-01": KEYS.issuer.public.raw}
ASKED = bytes(range(32))
CODE = b"YP1:6BFO+ADYB"
GET_UID = bytes.fromhex("FFCA000000")
WAIT_S = 10.0

VERDICTS = {
    "pkoc-v2": "",
    "chained": "",
    "pkoc-v1": "no certificate: items nothing instead of 7F21",
    "downgrade": "no certificate: items nothing instead of 7F21",
    "bit-flip": "not signed by this key",
    "replay": "not signed by this key",
    "stolen-certificate": "not signed by this key",
    "rogue-issuer": "not by a trusted issuer",
    "expired": "not in force today",
    "oversize": "an answer of more than 4096 bytes",
    "duplicate-tag": "item 9E comes twice",
    "stops": STOPPED,
}


def verdict(card):
    found = tap(card.answer, lambda: ASKED)
    if found.proof is None:
        return found.fault
    today = (2026, 6, 1)
    return judge_certified(
        found.proof, issuers=ISSUERS, today=today, asked=ASKED, verify=verify_es256
    )


# -- the brain


@pytest.mark.parametrize(("mode", "said"), VERDICTS.items())
def test_each_mode_is_judged_as_its_name_says(mode, said):
    assert verdict(make_card(mode, KEYS, UID, b"")) == said


def test_every_mode_that_can_be_asked_for_is_tried():
    modes = {*sim_card.HONEST, *sim_card.FORGED, *sim_card.TRICKS}
    assert {*VERDICTS, "ndef", "uid"} == modes


def test_a_tag_carries_its_text_and_a_bare_card_nothing():
    found = tap(make_card("ndef", KEYS, UID, CODE).answer, lambda: ASKED)
    bare = tap(make_card("uid", KEYS, UID, b"").answer, lambda: ASKED)
    assert (found.text, found.proof, found.fault) == (CODE, None, "")
    assert (bare.text, bare.proof, bare.fault) == (b"", None, "")


def test_a_long_text_is_carried_whole():
    code = b"YP1:" + b"A" * 1_020
    assert tap(SimCard(text=code).answer, lambda: ASKED).text == code


def test_every_card_gives_its_number_to_the_reader():
    assert SimCard(b"\1\2\3\4").answer(GET_UID) == b"\1\2\3\4\x90\x00"


def test_the_history_is_what_was_asked_and_answered():
    heard = []
    card = make_card("stops", KEYS, UID, b"")
    card.heard = heard.append
    tap(card.answer, lambda: ASKED)

    assert list(card.history) == heard
    assert [exchange.sent[:2].hex() for exchange in heard] == ["00a4", "00ca", "00ca", "0088"]
    assert [exchange.answered != b"" for exchange in heard] == [True, True, True, False]
    for _ in range(MAX_HISTORY):
        card.answer(GET_UID)
    assert len(card.history) == MAX_HISTORY


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("00CA7F6300", "6985"),
        ("00B0000000", "6985"),
        ("00A4040000", "6a82"),
        ("00A40400", "6a82"),
        ("00", "6985"),
        ("", "6985"),
    ],
)
def test_nothing_is_answered_before_something_is_selected(sent, status):
    card = SimCard(point=KEYS.card.public.raw, sign=KEYS.card.sign, text=CODE)
    assert card.answer(bytes.fromhex(sent)).hex() == status


def test_a_card_that_left_the_field_has_nothing_selected():
    card = SimCard(point=KEYS.card.public.raw, sign=KEYS.card.sign)
    select = bytes.fromhex("00A4040008A00000089800000100")
    assert card.answer(select).hex() == "5c0201009000"
    assert card.answer(bytes.fromhex("00CA7F6300")).hex() == "6a88"
    assert card.answer(bytes.fromhex("8080000100")).hex() == "6a80"
    assert card.answer(bytes.fromhex("00110000")).hex() == "6d00"
    card.reset()
    assert card.answer(bytes.fromhex("00CA7F6300")).hex() == "6985"


def test_a_tag_knows_its_two_files_and_no_other_command():
    card = SimCard(text=CODE)
    card.answer(bytes.fromhex("00A4040007D276000085010100"))
    assert card.answer(bytes.fromhex("00B0000002")).hex() == "6d00"
    assert card.answer(bytes.fromhex("00A4000C02E105")).hex() == "6a82"
    assert card.answer(bytes.fromhex("00D60000")).hex() == "6d00"


@pytest.mark.parametrize(
    "given",
    [{"point": bytes(65)}, {"sign": bytes}, {"certificate": b"7F21"}],
)
def test_a_card_with_half_a_key_is_refused(given):
    with pytest.raises(Refused, match="a point and signs"):
        SimCard(**given)


# -- in the virtual reader


class Vpcd:
    """vpcd's side of the line: accepts a card, sends it bodies, reads its answers."""

    def __init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(WAIT_S)
        self.port = self._socket.getsockname()[1]
        self.line = None

    def accept(self):
        if self.line is not None:
            self.line.close()
        self.line, _ = self._socket.accept()
        self.line.settimeout(WAIT_S)

    def send(self, body):
        self.line.sendall(len(body).to_bytes(2, "big") + body)

    def ask(self, body):
        self.send(body)
        return self.take(int.from_bytes(self.take(2), "big"))

    def take(self, size):
        data = b""
        while len(data) < size:
            part = self.line.recv(size - len(data))
            assert part, "the card left"
            data += part
        return data

    def close(self):
        if self.line is not None:
            self.line.close()
        self._socket.close()


@pytest.fixture
def vpcd():
    made = Vpcd()
    yield made
    made.close()


def test_a_card_in_the_field_answers_vpcd(vpcd):
    card = SimCard(text=CODE)
    with VpcdField(card, vpcd.port) as field:
        vpcd.accept()
        assert vpcd.ask(b"\x04") == ATR
        vpcd.send(b"\x01")  # power on: no answer
        assert vpcd.ask(GET_UID) == UID + b"\x90\x00"
        assert vpcd.ask(bytes.fromhex("00A4040007D276000085010100")) == b"\x90\x00"
        vpcd.send(b"\x02")  # reset: what was selected is lost
        assert vpcd.ask(bytes.fromhex("00A4000C02E103")).hex() == "6985"
        assert not field.wait(0)
    assert vpcd.line.recv(1) == b""
    field.remove()


def test_a_message_that_arrives_byte_by_byte_is_the_same_message(vpcd):
    with VpcdField(SimCard(), vpcd.port):
        vpcd.accept()
        for byte in b"\x00\x05" + GET_UID:
            vpcd.line.sendall(bytes((byte,)))
        assert vpcd.take(2 + 9) == b"\x00\x09" + UID + b"\x90\x00"


def test_the_card_is_gone_when_vpcd_is(vpcd):
    field = VpcdField(SimCard(), vpcd.port)
    vpcd.accept()
    vpcd.line.close()
    assert field.wait(WAIT_S)
    field.remove()


def test_a_card_that_stops_leaves_the_field(vpcd):
    card = make_card("stops", KEYS, UID, b"")
    with VpcdField(card, vpcd.port) as field:
        vpcd.accept()
        vpcd.ask(bytes.fromhex("00A4040008A00000089800000100"))
        vpcd.send(bytes.fromhex("0088000020") + ASKED + b"\0")
        assert field.wait(WAIT_S)
        assert vpcd.line.recv(1) == b""


def test_without_vpcd_it_is_said_what_to_install(vpcd):
    vpcd.close()
    with pytest.raises(Unavailable, match="install vsmartcard-vpcd and start pcscd"):
        VpcdField(SimCard(), vpcd.port)


# -- the command


def run(*arguments):
    return CliRunner().invoke(sim_card.card, list(map(str, arguments)))


def test_the_command_says_what_to_enrol_and_what_the_card_is_asked(vpcd, tmp_path):
    for name in ("card", "issuer"):
        write_key(tmp_path / name, getattr(KEYS, name))
    words = ["--port", str(vpcd.port), "--key", tmp_path / "card", "--issuer", tmp_path / "issuer"]
    code = "from appliance.commands.sim_card import card; card()"
    with subprocess.Popen(
        [sys.executable, "-u", "-c", code, *words], stdout=subprocess.PIPE, text=True
    ) as command:
        lines = queue.SimpleQueue()
        reading = threading.Thread(target=lambda: list(map(lines.put, command.stdout)))
        reading.start()
        vpcd.accept()
        answer = vpcd.ask(GET_UID)
        vpcd.accept()  # the line is cut here, and the card comes back
        assert vpcd.ask(b"\x04") == ATR
        said = [lines.get(timeout=WAIT_S).rstrip() for _ in range(7)]
        command.send_signal(signal.SIGINT)
        assert command.wait(WAIT_S) == 1
        reading.join(WAIT_S)

    assert sorted(said) == sorted(
        [  # two threads speak
            f"card   pkoc-v2, number {UID.hex().upper()}",
            f"key    {KEYS.card.public.raw.hex().upper()}",
            f"issuer {KEYS.issuer.public.raw.hex().upper()}",
            "the card is at the reader",
            f"FFCA000000 -> {answer.hex().upper()}",
            "the card is gone; it comes back",
            "the card is at the reader",
        ]
    )


def test_an_exchange_is_one_line():
    assert shown(Exchange(b"\0\xa4", b"\x90\0")) == "00A4 -> 9000"
    assert shown(Exchange(b"\0\xa4", b"")) == "00A4 -> gone"


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["--mode", "uid", "--uid", "01020304"], ["card   uid, number 01020304"]),
        (["--mode", "ndef", "--text", "YP1:A"], [f"card   ndef, number {UID.hex().upper()}"]),
    ],
)
def test_a_card_without_a_key_has_none_to_enrol(vpcd, arguments, lines):
    vpcd.close()
    said = run("--port", vpcd.port, *arguments)
    assert isinstance(said.exception, Unavailable)
    assert said.stdout.splitlines() == lines


def test_a_card_of_se_v1_has_no_issuer_to_enrol(vpcd):
    vpcd.close()
    said = run("--port", vpcd.port, "--mode", "pkoc-v1").stdout.splitlines()
    assert [line.split()[0] for line in said] == ["card", "key"]
    assert len(said[1].split()[1]) == 130


@pytest.mark.parametrize(
    "arguments",
    [
        ["--mode", "ndef"],
        ["--text", "YP1:A"],
        ["--mode", "king"],
        ["--uid", "xy"],
        ["--uid", ""],
        ["--uid", "00" * 11],
        ["--port", "0"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_are_told_with_exit_code_2(arguments):
    said = run(*arguments)
    assert (said.exit_code, said.stdout) == (2, "")
    assert "Error: " in said.stderr


def test_a_key_of_another_kind_is_refused(tmp_path):
    write_key(tmp_path / "key", signer("card", ED25519))
    assert "is no P-256 key" in str(run("--key", tmp_path / "key").exception)
    assert "no file" in str(run("--key", tmp_path / "none").exception)


def test_the_help_warns_that_vpcd_listens_everywhere():
    said = run("--help").stdout
    assert "listens on all interfaces" in " ".join(said.split())
    for trick in Trick:
        assert trick is Trick.NONE or trick.value in said
