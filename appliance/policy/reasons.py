"""Why a verdict is what it is: one code, one sentence for the guard, one for the person.

The code's first letter is the colour it leads to: R red, Y yellow, G grey. Every code stands in
README.md as well; a test holds the three together.
"""

import enum


class Reason(enum.StrEnum):
    """Every reason a check or an import can end with."""

    FOREIGN = "R-FOREIGN"
    FORM = "R-FORM"
    UNKNOWN = "R-UNKNOWN"
    ISSUER = "R-ISSUER"
    SIG = "R-SIG"
    PROOF = "R-PROOF"
    CLASS = "R-CLASS"
    AUD = "R-AUD"
    NONCE = "R-NONCE"
    BEGIN = "R-BEGIN"
    EXP = "R-EXP"
    STALE = "R-STALE"
    FUTURE = "R-FUTURE"
    REPLAY = "R-REPLAY"
    ZONE = "R-ZONE"
    REVOKED = "R-REVOKED"
    SUSPENDED = "R-SUSPENDED"
    DENIED = "R-DENIED"
    STATIC = "R-STATIC"
    DOWNGRADE = "R-DOWNGRADE"
    NUMBER = "R-NUMBER"
    TRIES = "R-TRIES"
    CONDITION = "Y-CONDITION"
    IDCHECK = "Y-IDCHECK"
    BARE = "Y-BARE"
    STALE_STATUS = "G-STALE-STATUS"
    NO_STATUS = "G-NO-STATUS"
    CLOCK = "G-CLOCK"
    UPDATE = "G-UPDATE"
    INCOMPLETE = "R-INCOMPLETE"
    IMAGE = "R-IMAGE"
    CARD = "R-CARD"
    LEDGER = "R-LEDGER"
    SETTINGS = "R-SETTINGS"
    DECODER = "R-DECODER"
    PULSE = "R-PULSE"


GUARD: dict[Reason, str] = {
    Reason.FOREIGN: "This is not a Yardpass code.",
    Reason.FORM: "The code is damaged or made by something else; ask for a fresh one.",
    Reason.UNKNOWN: "No pass with this code is enrolled here; ask the office.",
    Reason.ISSUER: "The pass was issued by somebody this compound does not know.",
    Reason.SIG: "A signature does not hold: treat it as forged.",
    Reason.PROOF: "The pass was shown without its holder's proof: it may be copied.",
    Reason.CLASS: "The issuer may not issue this class of pass, or not at that time.",
    Reason.AUD: "The code was made for another site or another gate.",
    Reason.NONCE: "The code does not answer the number this gate shows now.",
    Reason.BEGIN: "The pass is not valid yet.",
    Reason.EXP: "The pass has expired; the office can renew it.",
    Reason.STALE: "The code is too old: a screenshot, or a phone whose clock is slow.",
    Reason.FUTURE: "The code is from the future: made in advance, or a phone clock is fast.",
    Reason.REPLAY: "This code, or a newer one of the same person, was used already.",
    Reason.ZONE: "The pass does not cover this gate.",
    Reason.REVOKED: "The office revoked this pass.",
    Reason.SUSPENDED: "The office suspended this pass.",
    Reason.DENIED: "A guard or the office denied this pass for a day.",
    Reason.STATIC: "Printed passes are not accepted at this gate.",
    Reason.DOWNGRADE: "This card did not prove what it must: it may be a copy. Keep it.",
    Reason.NUMBER: "Cards that show nothing but a number are not accepted at this gate.",
    Reason.TRIES: "Too many wrong cards at this reader; it takes bare numbers again later.",
    Reason.CONDITION: "The office set a condition; check before you let them in.",
    Reason.IDCHECK: "A printed pass: compare it with the person.",
    Reason.BARE: "A card that shows only a number, which can be copied: compare the person.",
    Reason.STALE_STATUS: "This gate has not heard from the office lately and cannot know.",
    Reason.NO_STATUS: "The list that says whether this pass still holds is missing here.",
    Reason.CLOCK: "This gate does not know the time; decide by hand.",
    Reason.UPDATE: "This gate needs an update to judge this pass.",
    Reason.INCOMPLETE: "A check was skipped; the gate stays shut. Call the technician.",
    Reason.IMAGE: "The picture cannot be used.",
    Reason.CARD: "The card was taken away too early, or is no card of ours; hold it still.",
    Reason.LEDGER: "The ledger file was refused; the old one stands.",
    Reason.SETTINGS: "The settings are wrong; the file says where.",
    Reason.DECODER: "The reader of pictures gave a wrong answer; show the code again.",
    Reason.PULSE: "The relay was asked for a pulse it may not give. Call the technician.",
}

PERSON: dict[Reason, str] = {
    Reason.FOREIGN: "Please show your Yardpass code.",
    Reason.FORM: "Please show a fresh code.",
    Reason.UNKNOWN: "Please ask the office to enrol you.",
    Reason.ISSUER: "Your pass is not known here.",
    Reason.SIG: "This code cannot be accepted.",
    Reason.PROOF: "Please open your pass on your phone and show the live code.",
    Reason.CLASS: "Your pass is not valid here.",
    Reason.AUD: "This code is for another place.",
    Reason.NONCE: "Please scan this gate's number again.",
    Reason.BEGIN: "Your pass is not valid yet.",
    Reason.EXP: "Your pass has expired.",
    Reason.STALE: "Please show the live code, not a picture.",
    Reason.FUTURE: "Please check the clock of your phone.",
    Reason.REPLAY: "Please wait for the next code.",
    Reason.ZONE: "Your pass does not open this gate.",
    Reason.REVOKED: "Your pass is no longer valid. Please ask the office.",
    Reason.SUSPENDED: "Your pass is suspended. Please ask the office.",
    Reason.DENIED: "Your pass cannot be used today. Please ask the office.",
    Reason.STATIC: "Please show the live code or see the guard.",
    Reason.DOWNGRADE: "Please see the guard.",
    Reason.NUMBER: "Please use your phone or see the guard.",
    Reason.TRIES: "Please wait, or use your phone.",
    Reason.CONDITION: "Please see the guard.",
    Reason.IDCHECK: "Please see the guard.",
    Reason.BARE: "Please see the guard.",
    Reason.STALE_STATUS: "Please see the guard.",
    Reason.NO_STATUS: "Please see the guard.",
    Reason.CLOCK: "Please see the guard.",
    Reason.UPDATE: "Please see the guard.",
    Reason.INCOMPLETE: "Please see the guard.",
    Reason.IMAGE: "Please hold the code still.",
    Reason.CARD: "Please hold the card still.",
    Reason.LEDGER: "Please see the guard.",
    Reason.SETTINGS: "Please see the guard.",
    Reason.DECODER: "Please show the code again.",
    Reason.PULSE: "Please see the guard.",
}
