"""What a proof of a card is worth: the checks that the terminal makes, in their order.

Tests use it to show which cards are good and which are not, end to end.
"""

from collections.abc import Callable, Collection, Mapping

from hw.cards.pkoc import Date, certificate_of
from hw.errors import Refused
from hw.ports import KeyProof

Verify = Callable[[bytes, bytes, bytes], bool]
"""Point, signature, message: `ledger_sync.keys.verify_es256`."""


def judge_certified(
    proof: KeyProof,
    *,
    issuers: Mapping[bytes, bytes],
    today: Date,
    asked: bytes,
    verify: Verify,
) -> str:
    """Why a card of SE V2 is not believed, empty if it is. `issuers` maps an issuer's reference of
    16 characters to its point; `asked` is the transaction of this tap. Steps 1 to 5:"""
    try:
        held = certificate_of(proof.certificate)
    except Refused as refused:
        return f"no certificate: {refused}"
    # (1) a trusted issuer signed the certificate (PKOC Core 5.8)
    issuer = issuers.get(held.issuer)
    if issuer is None or not verify(issuer, held.signature, held.signed):
        return "not by a trusted issuer"
    # (2) it is for the key that proved itself
    if held.point != proof.point:
        return "for another key"
    # (3) it is in force today
    if not held.since <= today <= held.until:
        return "not in force today"
    # (4) that key signed the transaction (NFC profile 8.2), (5) which is the one asked now
    return judge_key(proof, asked=asked, verify=verify)


def judge_enrolled(
    proof: KeyProof,
    *,
    enrolled: Collection[bytes],
    asked: bytes,
    verify: Verify,
) -> str:
    """Why a card of SE V1 is not believed, empty if it is. `enrolled` are the points of cards that
    were enrolled without a certificate; one that has a certificate is not among them."""
    if proof.certificate or proof.point not in enrolled:
        return "not enrolled as such a card"
    return judge_key(proof, asked=asked, verify=verify)


def judge_key(proof: KeyProof, *, asked: bytes, verify: Verify) -> str:
    """Steps (4) and (5)."""
    if not verify(proof.point, proof.signature, proof.transaction):
        return "not signed by this key"
    if proof.transaction != asked:
        return "an answer to another question"
    return ""
