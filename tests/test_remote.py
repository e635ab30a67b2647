"""Any packet is a request, an answer or a state, written again to the same bytes, or `Refused`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.gate.remote import (
    MAX_ANSWER,
    MAX_REMARK,
    Answer,
    Request,
    State,
    Why,
    answer_of,
    request_of,
)
from ledger_sync.act import MAX_NOTE
from ledger_sync.errors import Refused

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.binary(min_size=1, max_size=MAX_NOTE), st.binary(max_size=MAX_REMARK))
def test_a_request_is_read_back_as_it_was(note, remark):
    assert request_of(Request(note, remark).to_bytes()) == Request(note, remark)


@given(st.binary(max_size=80).map(lambda data: b"!" + data) | st.binary(max_size=80))
def test_any_bytes_are_a_request_or_refused(packet):
    try:
        found = request_of(packet)
    except Refused:
        return
    assert found.to_bytes() == packet


@pytest.mark.parametrize(
    "odd", [Request(b"x" * (MAX_NOTE + 1)), Request(b"x", b"x" * (MAX_REMARK + 1))]
)
def test_what_is_too_long_is_not_sent(odd):
    with pytest.raises(Refused):
        odd.to_bytes()


@given(st.sampled_from(Why), TEXT)
def test_an_answer_is_read_back_as_it_was(why, detail):
    assert answer_of(Answer(True).to_bytes()) == Answer(True)
    assert answer_of(Answer(False, why, detail).to_bytes()) == Answer(False, why, detail)


@given(st.builds(State, TEXT, st.tuples(TEXT, TEXT), TEXT, st.tuples(st.tuples(TEXT, TEXT)), TEXT))
def test_a_state_is_read_back_as_it_was(state):
    assert answer_of(state.to_bytes()) == state


def test_a_state_of_many_faults_fits_an_answer():
    state = State("open", ("fire",), "GOOD", (("camera" * 99, "门" * 999),) * 99, "门" * 999)
    assert len(state.to_bytes()) <= MAX_ANSWER
    assert len(answer_of(state.to_bytes()).faults) == 16


@given(
    st.binary(max_size=60)
    | st.binary(max_size=60).map(lambda data: b"=" + data)
    | st.binary(max_size=60).map(lambda data: b"-" + data)
)
def test_any_bytes_are_an_answer_or_refused(packet):
    try:
        found = answer_of(packet)
    except Refused:
        return
    assert isinstance(found, Answer | State)


@pytest.mark.parametrize(
    "text",
    [
        '{"door": "", "facts": [1], "clock": "", "faults": [], "fault": ""}',
        '{"door": "", "facts": [], "clock": "", "faults": [1], "fault": ""}',
        '{"door": "", "facts": [], "clock": "", "faults": [["a"]], "fault": ""}',
        '{"door": ""}',
        "[" * 5_000,
        "-",
    ],
)
def test_a_state_of_another_shape_is_refused(text):
    with pytest.raises(Refused):
        answer_of(b"=" + text.encode())
