"""The simulated PN532 is what libnfc takes for one, unmodified. Needs Debian's libnfc-bin."""

import os
import shutil
import subprocess
from contextlib import closing

import pytest

from hw.sim.pn532 import SimCard, SimPn532

pytestmark = pytest.mark.heavy
SECONDS = 60
CARDS = {
    "4 bytes": SimCard(bytes.fromhex("11223344")),
    "7 bytes": SimCard(bytes.fromhex("04a1b2c3d4e5f6"), 0x20, lambda apdu: apdu),
    "10 bytes": SimCard(bytes.fromhex("88112233445566778899"), 0x20, lambda apdu: apdu),
}


def nfc_list(port, *options):
    """What libnfc's own program sees on `port`, blanks squeezed."""
    assert shutil.which("nfc-list"), "nfc-list is missing: apt-get install libnfc-bin"
    environment = os.environ | {"LIBNFC_DEFAULT_DEVICE": f"pn532_uart:{port}", "LC_ALL": "C"}
    done = subprocess.run(
        ["nfc-list", *options],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "pn532" not in done.stderr
    return " ".join(done.stdout.split())


@pytest.mark.parametrize("name", CARDS)
def test_unmodified_nfc_list_sees_the_card(name, tmp_path):
    card = CARDS[name]
    with closing(SimPn532(tmp_path / "port")) as sim:
        sim.show(card)
        said = nfc_list(sim.path, "-t", "1")

    assert "1 ISO14443A passive target(s) found" in said
    assert f"UID (NFCID1): {card.uid.hex(' ')}" in said
    assert f"SAK (SEL_RES): {card.sak:02x}" in said
    assert ("ATS: 78 80 70 02" in said) == (card.sak == 0x20)


def test_unmodified_nfc_list_sees_nobody(tmp_path):
    with closing(SimPn532(tmp_path / "port")) as sim:
        said = nfc_list(sim.path, "-t", "1")
    assert "passive target(s) found" not in said or "0 ISO14443A" in said


def test_a_look_for_every_kind_of_card_finds_this_one_alone(tmp_path):
    with closing(SimPn532(tmp_path / "port")) as sim:
        sim.show(CARDS["7 bytes"])
        said = nfc_list(sim.path)
    assert said.count("target(s) found") == 1 and "1 ISO14443A" in said
