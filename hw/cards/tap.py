"""What a card has to say at one tap: a proof of its key, else a code, else nothing. Pure.

A card that offers PKOC is held to it. From then on there is no way back: a card that fails or
stops gives a fault, never a weaker answer (PKOC NFC Transport Profile 2.0.1, 2.1: no fall back
after a failure). A card that hides SE V2 from the start answers as SE V1, without a certificate;
whoever knows what the card was enrolled as must notice.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hw.cards import ndef, pkoc
from hw.cards.apdu import Answer, Channel, Transmit
from hw.cards.tlv import refused
from hw.errors import Refused, Unavailable
from hw.ports import KeyProof

TORN = "was taken away before it was read"
STOPPED = "stopped amid its proof"


@dataclass(frozen=True, slots=True)
class Found:
    """A code or a proof, as the card gave it; or what no honest card does, and then nothing
    else."""

    text: bytes = b""
    proof: KeyProof | None = None
    fault: str = ""


def tap(transmit: Transmit, ask: Callable[[], bytes]) -> Found:
    """Reads one card. `transmit` sends a command and gives the answer, and raises `Unavailable`
    when the card is gone or its time is up; `ask` gives the 32 bytes to be signed, and is called
    once, for a card that signs. Nothing that a card does raises."""
    channel = Channel(transmit)
    gone = TORN
    try:
        selected = channel.ask(pkoc.SELECT_COMMAND)
        if not selected.is_ok:
            return Found(text=ndef.read(channel))
        gone = STOPPED
        if not pkoc.is_pkoc(selected.data):
            raise refused("the card speaks no PKOC version that is known here")
        return Found(proof=_proof(channel, ask))
    except Refused as fault:
        return Found(fault=str(fault))
    except Unavailable:
        return Found(fault=gone)


def _proof(channel: Channel, ask: Callable[[], bytes]) -> KeyProof:
    """NFC profile 3: find out which profile, get the certificate, let the card sign."""
    info = channel.ask(pkoc.INFO_COMMAND)
    if not info.is_ok or not pkoc.is_se_v2(info.data):
        transaction = ask()[: pkoc.SHORT_BYTES]
        signed = channel.ask(pkoc.authenticate(transaction))
        return pkoc.proof_v1_of(_given(signed, "proof"), transaction)
    certificate = _given(channel.ask(pkoc.CERTIFICATE_COMMAND), "certificate")
    transaction = ask()
    signed = channel.ask(pkoc.internal_authenticate(transaction))
    return pkoc.proof_v2_of(_given(signed, "proof"), transaction, certificate)


def _given(answer: Answer, what: str) -> bytes:
    if not answer.is_ok:
        raise refused(f"the card refuses its {what} with status {answer.status:04X}")
    return answer.data
