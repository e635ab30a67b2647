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
    LOCKDOWN = "R-LOCKDOWN"
    TIME = "R-TIME"
    CURFEW = "R-CURFEW"
    APB = "R-APB"
    FULL = "R-FULL"
    RULE = "R-RULE"
    HOST = "R-HOST"
    INVITE = "R-INVITE"
    QUOTA = "R-QUOTA"
    WITHDRAWN = "R-WITHDRAWN"
    BLOCKED = "R-BLOCKED"
    CONDITION = "Y-CONDITION"
    IDCHECK = "Y-IDCHECK"
    BARE = "Y-BARE"
    PASSBACK = "Y-APB"
    ESCORT = "Y-ESCORT"
    SECOND = "Y-SECOND"
    ASK = "Y-RULE"
    STALE_STATUS = "G-STALE-STATUS"
    OLD_STATUS = "G-OLD-STATUS"
    NO_STATUS = "G-NO-STATUS"
    CLOCK = "G-CLOCK"
    TIMELESS = "G-TIME"
    UPDATE = "G-UPDATE"
    UNRULED = "G-RULE"
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
    Reason.LOCKDOWN: "Lockdown: nobody comes in here until it is lifted.",
    Reason.TIME: "The pass does not hold at this hour or on this day.",
    Reason.CURFEW: "It is curfew; this pass does not come in now.",
    Reason.APB: "By the log this person is inside already: the pass may have been handed on.",
    Reason.FULL: "As many people are inside as may be.",
    Reason.RULE: "A rule of this compound says no; the office knows which.",
    Reason.HOST: "The host's own pass does not hold now, so the invite does not either.",
    Reason.INVITE: "This invite goes beyond what a resident may give away.",
    Reason.QUOTA: "This invite has been used as often as it may be.",
    Reason.WITHDRAWN: "The resident took this invite back.",
    Reason.BLOCKED: "A guard or the office blocked this visitor for a day.",
    Reason.CONDITION: "The office set a condition; check before you let them in.",
    Reason.IDCHECK: "A printed pass: compare it with the person.",
    Reason.BARE: "A card that shows only a number, which can be copied: compare the person.",
    Reason.PASSBACK: "By the log this person is inside; it may have missed that they left.",
    Reason.ESCORT: "The host must come along: wait until they have shown their own pass.",
    Reason.SECOND: "A second person with a pass of their own must be here.",
    Reason.ASK: "A rule of this compound leaves this one to you.",
    Reason.STALE_STATUS: "This gate has not heard from the office lately and cannot know.",
    Reason.OLD_STATUS: "This gate has not heard from the office for days; call them.",
    Reason.NO_STATUS: "The list that says whether this pass still holds is missing here.",
    Reason.CLOCK: "This gate does not know the time; decide by hand.",
    Reason.TIMELESS: "This pass holds at certain hours, and this gate does not know the time.",
    Reason.UPDATE: "This gate needs an update to judge this pass.",
    Reason.UNRULED: "A rule of this compound cannot be computed; tell the office.",
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
    Reason.LOCKDOWN: "Please stay where you are safe. The gate is closed for now.",
    Reason.TIME: "Your pass does not open this gate at this time.",
    Reason.CURFEW: "Your pass does not open this gate at this time.",
    Reason.APB: "Your pass was used to come in already. Please see the guard.",
    Reason.FULL: "It is full inside. Please wait.",
    Reason.RULE: "Your pass does not open this gate. Please ask the office.",
    Reason.HOST: "Please ask your host.",
    Reason.INVITE: "Please ask your host for another invite.",
    Reason.QUOTA: "This invite is used up. Please ask your host for another one.",
    Reason.WITHDRAWN: "This invite is no longer valid. Please ask your host.",
    Reason.BLOCKED: "Please see the guard.",
    Reason.CONDITION: "Please see the guard.",
    Reason.IDCHECK: "Please see the guard.",
    Reason.BARE: "Please see the guard.",
    Reason.PASSBACK: "Please see the guard.",
    Reason.ESCORT: "Please wait for your host.",
    Reason.SECOND: "Please come with a second person.",
    Reason.ASK: "Please see the guard.",
    Reason.STALE_STATUS: "Please see the guard.",
    Reason.OLD_STATUS: "Please see the guard.",
    Reason.NO_STATUS: "Please see the guard.",
    Reason.CLOCK: "Please see the guard.",
    Reason.TIMELESS: "Please see the guard.",
    Reason.UPDATE: "Please see the guard.",
    Reason.UNRULED: "Please see the guard.",
    Reason.INCOMPLETE: "Please see the guard.",
    Reason.IMAGE: "Please hold the code still.",
    Reason.CARD: "Please hold the card still.",
    Reason.LEDGER: "Please see the guard.",
    Reason.SETTINGS: "Please see the guard.",
    Reason.DECODER: "Please show the code again.",
    Reason.PULSE: "Please see the guard.",
}
