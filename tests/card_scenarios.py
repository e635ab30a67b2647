"""Cards before the gate of the small compound, honest and hostile, and how each must end."""

from typing import NamedTuple

from compound import (
    DAY,
    GOOD,
    IN,
    LIST,
    NOW,
    OFFICE,
    OUT,
    POOR,
    PRINTED,
    RESIDENT,
    SITE,
    STATIC,
    Compound,
    key_named,
    person,
    show,
)

from appliance.gate.card_checker import CardChecker
from appliance.passes import card
from appliance.passes.token import Pass, handle_of, issue
from appliance.policy.facts import Direction
from hw.ports import CardRead, KeyProof
from hw.sim.card import certificate
from ledger_sync import entries
from ledger_sync.cards import Cards
from ledger_sync.entries import CARD, CERTIFIED_CARD, MAY_CERTIFY
from ledger_sync.keys import ES256

SECRET = b"site secret, 32 bytes, not empty"
MAKER, ROGUE = key_named("maker", ES256), key_named("rogue maker", ES256)
ED_MAKER = key_named("maker of another kind")
ASKED = bytes(range(32))
UID, OTHER_UID = bytes.fromhex("04a1b2c3d4e5f6"), bytes.fromhex("04a1b2c3d4e5f7")
DAYS_LEFT = ((2023, 1, 1), (2030, 12, 31))  # NOW is 2023-11-14


def holder(name, assurance, **claims):
    who = person(name, alg=ES256, **claims)
    return who._replace(claims=who.claims._replace(assurance=assurance))


PLAIN, SIGNED = holder("plain card", CARD), holder("certified card", CERTIFIED_CARD)
PHONE = holder("a phone's key", 1)
LOST, STOPPED = holder("lost card", CARD), holder("suspended card", CERTIFIED_CARD)
AWAY = holder("a card of another zone", CARD, zones=0b1100)
PARTED = holder("a card of a kiosk's", CARD, klass=4)
NUMBERED = UID + b"\x01"


def number_entry(number, card_level=0, name="bare", bits=None, **change):
    """The entry of a bare number."""
    handle = card.handle_of_number(SECRET, number, bits or 8 * len(number))
    index = int.from_bytes(handle[:2], "big")
    begin, end = NOW - DAY, NOW + 30 * DAY
    fields = {
        "handle": handle,
        "kid": OFFICE.public.kid,
        "subject": name,
        "uri": LIST,
        "idx": index,
        "klass": RESIDENT,
        "zones": 1,
        "assurance": card_level,
        "issued_at": begin,
        "expires_at": end,
        "key": None,
    }
    return entries.Pass(**fields | change)


def written(number):
    """A pass that is good on the card of this number alone, as text."""
    held = Pass(SITE, "tag", NOW - DAY, NOW + 30 * DAY, None, LIST, 4_711, RESIDENT, 1, 0)
    held = held._replace(carrier=card.carrier_of(number, 8 * len(number)))
    return show(STATIC, PRINTED._replace(token=issue(held, OFFICE)))


WEEK_NUMBER = bytes.fromhex("02ab12cd")  # 26 bits
POPULATION = (
    *(who.enrolment() for who in (PLAIN, SIGNED, PHONE, LOST, STOPPED, AWAY, PARTED)),
    *(LOST.status(1), STOPPED.status(2)),
    number_entry(NUMBERED),
    number_entry(WEEK_NUMBER, bits=26, name="week"),
    number_entry(UID, CARD, "plain card"),
    number_entry(OTHER_UID, CERTIFIED_CARD, "certified card"),
    entries.Issuer("maker", MAKER.public, NOW - DAY, NOW + DAY, 0, MAY_CERTIFY),
    entries.Issuer("ed maker", ED_MAKER.public, NOW - DAY, NOW + DAY, 0, MAY_CERTIFY),
)


def furnish_cards(compound: Compound) -> Compound:
    compound.publish(*POPULATION)
    return compound


def tap(who, *, signer=None, asked=ASKED, signed=None, made=None, uid=b""):
    """A card of this person that answers; `made` is its certificate."""
    key = who.key
    signature = (signer or key).sign(asked if signed is None else signed)
    proof = KeyProof(key.public.raw, signature, asked, made or b"")
    return CardRead("door", 0, uid, 8 * len(uid), b"", proof)


def certified(who, *, maker=MAKER, days=DAYS_LEFT, key=None):
    """A maker's certificate for the card's key."""
    point = (key or who.key).public.raw
    return certificate(point, maker.sign, since=days[0], until=days[1])


def number(raw, bits=None):
    return CardRead("door", 0, raw, bits or 8 * len(raw))


class CardScenario(NamedTuple):
    """One card; `rule` as in `compound.Scenario`."""

    read: CardRead
    ends: str
    now: int = NOW
    grade: int = GOOD
    way: Direction = IN
    rule: str = "green"
    is_asked: bool = True
    forgotten: str = ""

    def assess(self, checker):
        desk = CardChecker(checker, Cards(checker._replica.store), SECRET)
        return desk.assess(self.read, self.now, grade=self.grade, is_asked=self.is_asked)


def _taps():
    plain, full = tap(PLAIN), tap(SIGNED, made=certified(SIGNED))
    later = (2023, 11, 15), (2030, 12, 31)
    last, past = ((2020, 1, 1), (2023, 11, 14)), ((2020, 1, 1), (2023, 11, 13))
    first = (2023, 11, 14), (2023, 11, 14)
    return {
        "tap": CardScenario(plain, "GREEN OPEN"),
        "tap, certified": CardScenario(full, "GREEN OPEN"),
        "tap, certified, of a plain card": CardScenario(
            tap(PLAIN, made=certified(PLAIN)), "GREEN OPEN"
        ),
        "tap, not asked": CardScenario(plain, "RED DENY R-NONCE", is_asked=False),
        "tap, certified, not asked": CardScenario(full, "RED DENY R-NONCE", is_asked=False),
        "tap, nobody's key": CardScenario(tap(holder("nobody", CARD)), "RED DENY R-UNKNOWN"),
        "tap, a phone's key": CardScenario(tap(PHONE), "RED DENY R-UNKNOWN"),
        "tap, signed by another": CardScenario(tap(PLAIN, signer=ROGUE), "RED DENY R-SIG"),
        "tap, another number signed": CardScenario(tap(PLAIN, signed=bytes(32)), "RED DENY R-SIG"),
        "tap, hides its certificate": CardScenario(tap(SIGNED), "RED DENY R-DOWNGRADE"),
        "tap, rogue maker": CardScenario(
            tap(SIGNED, made=certified(SIGNED, maker=ROGUE)), "RED DENY R-ISSUER"
        ),
        "tap, maker with a key of another kind": CardScenario(
            tap(SIGNED, made=certified(SIGNED, maker=ED_MAKER)), "RED DENY R-ISSUER"
        ),
        "tap, stolen certificate": CardScenario(
            tap(SIGNED, made=certified(SIGNED, key=PLAIN.key)), "RED DENY R-SIG"
        ),
        "tap, damaged certificate": CardScenario(
            tap(SIGNED, made=certified(SIGNED)[:-1]), "RED DENY R-CARD"
        ),
        "tap, expired": CardScenario(
            tap(SIGNED, made=certified(SIGNED, days=past)), "RED DENY R-EXP"
        ),
        "tap, last day": CardScenario(
            tap(SIGNED, made=certified(SIGNED, days=last)), "GREEN OPEN"
        ),
        "tap, only day": CardScenario(
            tap(SIGNED, made=certified(SIGNED, days=first)), "GREEN OPEN"
        ),
        "tap, not yet": CardScenario(
            tap(SIGNED, made=certified(SIGNED, days=later)), "RED DENY R-BEGIN"
        ),
        "tap, not yet, no clock": CardScenario(
            tap(SIGNED, made=certified(SIGNED, days=later)), "GREY OPEN G-CLOCK", grade=POOR
        ),
        "tap, expired before the floor, no clock": CardScenario(
            tap(SIGNED, made=certified(SIGNED, days=past)), "RED DENY R-EXP", grade=POOR
        ),
        "tap, clock before the floor": CardScenario(
            tap(SIGNED, made=certified(SIGNED, days=past)), "RED DENY R-EXP", now=NOW - 9 * DAY
        ),
        "tap, no clock": CardScenario(plain, "GREY OPEN G-CLOCK", grade=POOR),
        "tap, lost": CardScenario(tap(LOST), "RED DENY R-REVOKED"),
        "tap, suspended": CardScenario(
            tap(STOPPED, made=certified(STOPPED)), "RED DENY R-SUSPENDED"
        ),
        "tap, other zone": CardScenario(tap(AWAY), "RED DENY R-ZONE"),
        "tap, out": CardScenario(tap(PLAIN, signer=ROGUE), "RED OPEN R-SIG", way=OUT),
        "tap, red prints": CardScenario(plain, "GREEN OPEN", rule="red"),
        "tap, fault": CardScenario(
            CardRead("door", 0, fault="stopped amid its proof"), "RED DENY R-CARD"
        ),
        "tap, stale": CardScenario(plain, "GREY OPEN G-STALE-STATUS", now=NOW + 3_601),
    }


def _numbers():
    bare, week = number(NUMBERED), number(WEEK_NUMBER, 26)
    tag = CardRead("door", 0, UID, 56, written(UID))
    copy = CardRead("door", 0, OTHER_UID, 56, written(UID))
    return {
        "number, green": CardScenario(bare, "GREEN OPEN", rule="green"),
        "number, yellow": CardScenario(bare, "YELLOW ASK Y-BARE", rule="yellow"),
        "number, red": CardScenario(bare, "RED DENY R-NUMBER", rule="red"),
        "number of 26 bits": CardScenario(week, "GREEN OPEN"),
        "number of 32 bits": CardScenario(number(WEEK_NUMBER), "RED DENY R-UNKNOWN"),
        "number, unknown": CardScenario(number(UID[:4]), "RED DENY R-UNKNOWN"),
        "number, no clock": CardScenario(bare, "GREY ASK G-CLOCK", grade=POOR),
        "number of a card with a key": CardScenario(number(UID), "RED DENY R-DOWNGRADE"),
        "number of a certified card": CardScenario(number(OTHER_UID), "RED DENY R-DOWNGRADE"),
        "number of no length": CardScenario(CardRead("door", 0), "RED DENY R-FORM"),
        "number of 1 bit": CardScenario(number(b"\1", 1), "RED DENY R-UNKNOWN"),
        "number of 0 bits": CardScenario(CardRead("door", 0, b"", 0), "RED DENY R-FORM"),
        "number of 512 bits": CardScenario(number(bytes(64)), "RED DENY R-UNKNOWN"),
        "number of 513 bits": CardScenario(number(bytes(65), 513), "RED DENY R-FORM"),
        "number of another length": CardScenario(number(UID, 57), "RED DENY R-FORM"),
        "number, out": CardScenario(number(UID), "RED OPEN R-DOWNGRADE", way=OUT),
        "tag": CardScenario(tag, "GREEN OPEN"),
        "tag, yellow prints": CardScenario(tag, "YELLOW ASK Y-IDCHECK", rule="yellow"),
        "tag, copied to another card": CardScenario(copy, "RED DENY R-PROOF"),
        "tag, copied to paper": CardScenario(
            CardRead("door", 0, text=written(UID)), "RED DENY R-PROOF"
        ),
        "print on a tag": CardScenario(
            CardRead("door", 0, UID, 56, show(STATIC, PRINTED)), "GREEN OPEN"
        ),
        "tag of another make": CardScenario(
            CardRead("door", 0, UID, 56, b"https://x"), "RED DENY R-FOREIGN"
        ),
    }


CARD_SCENARIOS = {**_taps(), **_numbers()}


def handle(who):
    return handle_of(who.token)
