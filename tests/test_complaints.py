"""Lines that strangers cause: a minute between two of a kind, and no kind hides another."""

import logging

from ledger_sync.complaints import PAUSE_SECONDS, Complaints

A, B = "a caller was turned away: %s", "no more calls can be taken: %s"


def test_noise_of_one_kind_hides_no_fault_of_another(caplog):
    now = [0.0]
    complaints = Complaints(logging.getLogger("yardpass.sync"), lambda: now[0])

    for number, now[0] in enumerate((0.0, 1.0, PAUSE_SECONDS - 0.1, PAUSE_SECONDS, 61.0)):
        complaints.say(A, number)
        complaints.say(B, number)

    assert [one.getMessage() for one in caplog.records] == [A % 0, B % 0, A % 3, B % 3]
