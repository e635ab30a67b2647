"""What a start costs is what the box said of it, and a box that was late is found out."""

import pytest
from workshop.boot_cost import Cost, cost_of
from workshop.machine import raspi3b, twin

from ledger_sync.errors import Unavailable

SAID = [
    "[   12.345678] yardpass yardpass[412]: GREEN Chen, resident",
    "REACHED network.target 14500000",
    "REACHED multi-user.target 20000000",
]


def test_a_cost_is_read_from_what_the_box_said():
    cost = cost_of(["Debian", *SAID, "off"])

    assert cost == Cost(12.345678, 14.5, 20.0)
    assert cost.ratio == pytest.approx(0.6172839)
    assert cost.is_within


@pytest.mark.parametrize("left_out", range(3))
def test_a_box_that_does_not_tell_all_of_it_is_no_measurement(left_out):
    lines = [line for number, line in enumerate(SAID) if number != left_out]

    with pytest.raises(Unavailable, match="did not tell"):
        cost_of(lines)


def test_a_target_that_was_never_reached_is_no_measurement():
    with pytest.raises(Unavailable, match="did not tell"):
        cost_of([*SAID[:2], "REACHED multi-user.target 0"])


@pytest.mark.parametrize(
    ("cost", "is_within"),
    [
        (Cost(14.5, 14.5, 20.0), True),
        (Cost(14.6, 14.5, 20.0), False),
        (Cost(14.6, 30.0, 14.5), False),
    ],
)
def test_a_decision_behind_either_target_is_late(cost, is_within):
    assert cost.is_within is is_within


def test_a_counted_machine_has_one_processor_and_no_other_clock(tmp_path):
    counted, running = (" ".join(twin("amd64", is_counted=one).words) for one in (True, False))

    assert "-smp 1 -icount shift=0,sleep=off" in counted
    assert "icount" not in running


def test_a_pi_takes_its_card_and_nothing_else(tmp_path):
    machine = raspi3b(tmp_path / "tree.dtb")
    card, stick = tmp_path / "card.img", tmp_path / "stick.img"

    assert machine.disk(stick, "stick") == []
    assert machine.disk(card, "card")[1].endswith(",if=sd")
    assert twin("arm64").disk(stick, "stick")[-1] == "virtio-blk-pci,drive=stick,serial=stick"
