"""What a host shows who takes an invite back: the text to the name of the invite, verified."""

from appliance.passes import code as codes
from appliance.passes import verify_invite
from appliance.passes.code import Form
from appliance.passes.verify import UNINVITE_MARKS
from appliance.policy.reasons import Reason
from ledger_sync.errors import Refused
from ledger_sync.replica import Replica
from ledger_sync.state import number_of
from ledger_sync.store import Store
from ledger_sync.withdrawals import Verify, Withdrawn


def verifier_of(store: Store) -> Verify:
    """Who reads revocations by what the ledger in this store says of their hosts."""
    replica = Replica(store)

    def verify(text: bytes) -> Withdrawn:
        code = codes.parse(text)
        if code.form is not Form.UNINVITE:
            raise Refused("not the revocation of an invite")
        enrolled = replica.enrolled(code.handle) if code.inner is None else None
        issuers = replica.issuers().get(code.kid, ())
        proof = verify_invite.prove_revocation(code, enrolled=enrolled, issuers=issuers)
        if proof.marks != UNINVITE_MARKS:
            raise Refused("a revocation that was not verified", reason=Reason.INCOMPLETE)
        name, host = number_of(proof.credential), number_of(code.handle)
        return Withdrawn(name, proof.revocation.issued_at, host)

    return verify
