"""The form of notes and checkpoints, byte by byte: C2SP signed-note and tlog-checkpoint."""

import pytest
from yard import Signer, log_of, note_of

from ledger_sync import note
from ledger_sync.errors import Refused
from ledger_sync.note import Checkpoint, Note, checkpoint_of, open_note

LOG, COMMITTEE = log_of("yardpass/hz07"), Signer("hz07-committee")
KEYS = [LOG.verifier, COMMITTEE.verifier]
HEAD = Checkpoint("yardpass/hz07", 1204, bytes(range(32))).to_text()
GOOD = note_of(HEAD, LOG.line(HEAD), COMMITTEE.line(HEAD))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        HEAD,
        HEAD + "\n",
        HEAD + LOG.line(HEAD),  # no empty line
        LOG.line("\n"),  # no text
        GOOD[:-1],
        GOOD[:-1] + "x",
        GOOD + "\n",
        GOOD + "Unexpected line.\n",
        GOOD.replace("\n", "\r\n"),
        "\x01" + GOOD,
        "\t" + GOOD,
        "\udc80" + GOOD,
        "\n" + LOG.line(""),
        GOOD.replace("— ", "- "),
        GOOD.replace("— ", "– "),
        GOOD.replace("— ", "—"),
        GOOD.replace("— ", "—  "),
        GOOD.replace("— hz07-committee", "— hz07\u00a0committee"),
        GOOD.replace("— hz07-committee", "— hz07+committee"),
        GOOD.replace("— hz07-committee", "— hz07 committee"),
        GOOD.replace("— hz07-committee ", "— "),
        GOOD.replace("— hz07-committee ", "—  "),
        GOOD[:-1] + " \n",
        GOOD[:-1] + " comment\n",
        GOOD + "— stranger \n",
        GOOD + "— stranger\n",
        GOOD + "— stranger AAAAAA\n",  # no padding
        GOOD + "— stranger AAAAAA===\n",
        GOOD + "— stranger AAAAAB==\n",  # unused bits set
        GOOD + "— stranger AAAA AA==\n",
        GOOD + "— stranger AAA-AA==\n",  # URL alphabet
        GOOD + "— stranger AAAAAA==\n",  # an id without a signature
        GOOD + "— stranger 5pel5pys\u00e9\n",
    ],
)
def test_a_note_off_the_format_is_refused_even_around_good_signatures(text):
    for spelling in (text, text.encode("utf-8", "surrogatepass")):
        with pytest.raises(Refused) as caught:
            open_note(spelling, KEYS)
        assert caught.value.reason == "R-LEDGER"
        assert "hold" not in str(caught.value)  # the form was wrong, not only the signature


def test_bytes_that_are_not_utf_8_are_refused():
    for raw in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
        with pytest.raises(Refused, match="not UTF-8"):
            open_note(raw + GOOD.encode(), KEYS)


def test_the_text_ends_at_the_last_empty_line_and_may_hold_others():
    text = "one\n\ntwo\n\n\n"

    assert open_note(note_of(text, LOG.line(text)), KEYS).text == text


def test_a_signature_of_one_byte_by_a_stranger_is_read_and_ignored():
    assert open_note(GOOD + "— stranger AAAAAAA=\n", KEYS) == open_note(GOOD, KEYS)


@pytest.mark.parametrize(("count", "held"), [(62, True), (63, False)])
def test_at_most_64_signature_lines_are_read(count, held):
    text = GOOD + "— stranger AAAAAAA=\n" * count

    if held:
        assert len(open_note(text, KEYS).signatures) == 2
    else:
        with pytest.raises(Refused, match="65 signatures, at most 64"):
            open_note(text, KEYS)


@pytest.mark.parametrize(("extra", "held"), [(0, True), (1, False)])
def test_at_most_16_kilobytes_are_read(extra, held):
    room = note.MAX_NOTE - len(note_of("\n", LOG.line("\n")).encode()) + extra
    text = "é" * (room // 2) + "e" * (room % 2) + "\n"
    whole = note_of(text, LOG.line(text))

    if held:
        assert open_note(whole, KEYS).text == text
    else:
        with pytest.raises(Refused, match="16385 bytes, at most 16384"):
            open_note(whole, KEYS)


@pytest.mark.parametrize("size", [0, 1, 10, 2**63 - 1])
@pytest.mark.parametrize("extension", ["", "one line\n", "two\nlines of it\n"])
@pytest.mark.parametrize("origin", ["yardpass/hz07", "go.sum database tree", "+"])
def test_a_checkpoint_is_read_as_it_was_written(origin, size, extension):
    checkpoint = Checkpoint(origin, size, bytes(range(32)))

    assert checkpoint_of(Note(checkpoint.to_text() + extension, ())) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "log\n1\n",
        HEAD[:-1],
        "\n" + HEAD,
        HEAD + "\n",
        HEAD + "\nextension\n",
        HEAD + "extension",
        HEAD.replace("1204", ""),
        *(HEAD.replace("1204", size) for size in ("01", "+1", "-1", " 1", "1 ", "1_0", "1e3")),
        *(HEAD.replace("1204", size) for size in ("0x1", "00", "１", "²", "bananas")),
        HEAD.replace("1204", str(2**63)),
        HEAD.replace("1204", "9" * 5000),
        HEAD.replace("=", ""),
        HEAD.replace("8=", "9="),
        HEAD.replace("AAEC", "AAE\u00e9"),
        "log\n1\nYmFuYW5hcw==\n",  # a root of another length
    ],
)
def test_a_checkpoint_off_the_format_is_refused(text):
    with pytest.raises(Refused) as caught:
        checkpoint_of(Note(text, ()))

    assert caught.value.reason == "R-LEDGER"
