"""The wallet's modules in a real browser: the bytes of the golden files, and of our own codec."""

import base64
import hashlib
import random
from contextlib import closing

import guests
import makers
import numpy as np
import pytest
import segno
from browser import opened, phone, served
from cryptography.hazmat.primitives.asymmetric import ec
from golden import case

from hw.codes import Scanner
from ledger_sync import base45, cbor, cose
from ledger_sync.errors import Refused
from ledger_sync.keys import ED25519

pytestmark = pytest.mark.heavy
CASES = {one.name: one for one in case.read_all()}
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SEEDS = {
    name: hashlib.sha256(f"yardpass example {name}".encode()).digest()
    for name in ("phone", "visitor")
}
IMPORT = """
async function holder({alg, raw, pkcs8, jwk}) {
  const kind = alg === -8 ? {name: "Ed25519"} : {name: "ECDSA", namedCurve: "P-256"};
  const [format, key] = pkcs8 ? ["pkcs8", hex(pkcs8)] : ["jwk", jwk];
  const privateKey = await crypto.subtle.importKey(format, key, kind, false, ["sign"]);
  return {alg, raw: hex(raw), privateKey};
}
const hex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const [code, invite, keys, pass] = await Promise.all(
  ["code", "invite", "keys", "pass"].map((name) => import(`./${name}.js`)));
const {toHex} = await import("./bytes.js");
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    playwright = pytest.importorskip("playwright.sync_api").sync_playwright()
    with (
        served() as server,
        playwright as driver,
        phone(driver, tmp_path_factory.mktemp("profile")) as context,
    ):
        yield opened(context, server.url)


def private(key):
    """A golden key as WebCrypto imports it."""
    name = "visitor" if key in guests.VISITORS.values() else "phone"
    found = {"alg": key.alg, "raw": key.public.raw.hex()}
    if key.alg == ED25519:
        head = "302e020100300506032b657004220420"
        return {**found, "pkcs8": head + SEEDS[name].hex()}
    number = int.from_bytes(SEEDS[name], "big") % (ORDER - 1) + 1
    public = ec.derive_private_key(number, ec.SECP256R1()).public_key().public_numbers()

    def spelled(part):
        return base64.urlsafe_b64encode(part.to_bytes(32, "big")).decode().rstrip("=")

    jwk = {"kty": "EC", "crv": "P-256", "d": spelled(number), "x": spelled(public.x)}
    return {**found, "jwk": {**jwk, "y": spelled(public.y)}}


def made(page, script, **given):
    """The bytes that this script makes, with the modules at hand and `given` as `at`."""
    wrapped = f"async (at) => {{ {IMPORT}; {script} }}"
    return bytes.fromhex(page.evaluate(wrapped, {"now": makers.AT, "site": makers.SITE, **given}))


SHOWN = """
const signer = keys.signer(await holder(at.key));
const shown = {audience: at.audience ?? at.site, issuedAt: at.now};
if (at.nonce) shown.nonce = hex(at.nonce);
"""
HOSTED = """
const signer = keys.signer(await holder(at.key));
const held = hex(at.pass);
const host = at.carried ? invite.byPass(held) : invite.byHandle(await pass.handleOf(held));
const stated = {nbf: at.now - 3600, exp: at.now + 3 * 3600, cti: hex(at.cti), zones: 1, uses: 1};
if (at.visitor) stated.key = {alg: at.visitor.alg, raw: hex(at.visitor.raw)};
"""
BY_REFERENCE = SHOWN + (
    "return toHex(await code.byReference(await pass.handleOf(hex(at.pass)), shown, signer))"
)
CARRIED = SHOWN + "return toHex(await code.selfContained(hex(at.pass), shown, signer))"
INVITED = HOSTED + "return toHex(await invite.make(stated, host, signer))"
TAKEN_BACK = HOSTED + "return toHex(await invite.revocation(stated.cti, at.now, host, signer))"
VISITING = SHOWN + "return toHex(await invite.visit(hex(at.pass), shown, signer))"


def equal(kind, found, name, key):
    """Byte for byte where signing is deterministic; else all but the signature, which holds."""
    golden = CASES[name].body
    if kind == "ed25519":
        assert found == golden
        return
    assert len(found) == len(golden)
    opened_here = cose.open1(found)
    assert opened_here.is_signed_by(key.public)
    assert opened_here.payload == cose.open1(golden).payload


@pytest.mark.parametrize("kind", ["ed25519", "p256"])
@pytest.mark.parametrize("form", ["c", "b"])
@pytest.mark.parametrize("nonce", ["", "-nonce"])
def test_codes_are_those_of_the_golden_files(page, kind, form, nonce):
    key = makers.HOLDERS[kind]
    given = {"key": private(key), "pass": makers.pass_token(key).hex()}
    if nonce:
        given |= {"nonce": makers.NONCE.hex(), "audience": f"{makers.SITE}/{makers.GATE}"}

    found = made(page, BY_REFERENCE if form == "c" else CARRIED, **given)

    equal(kind, found, f"code-{form}-{kind}{nonce}", key)


@pytest.mark.parametrize("kind", ["ed25519", "p256"])
@pytest.mark.parametrize("way", ["", "-carried"])
def test_invites_visits_and_withdrawals_are_those_of_the_golden_files(page, kind, way):
    host, visitor = makers.HOLDERS[kind], guests.VISITORS[kind]
    given = {"key": private(host), "pass": makers.pass_token(host).hex(), "cti": guests.CTI.hex()}
    given["carried"] = bool(way)

    keyed = made(page, INVITED, **given, visitor=private(visitor))
    bearer = made(page, INVITED, **given)
    taken_back = made(page, TAKEN_BACK, **given)
    golden = CASES[f"invite-{kind}{way}"].body
    visit = made(page, VISITING, key=private(visitor), **{"pass": golden.hex()})

    equal(kind, keyed, f"invite-{kind}{way}", host)
    equal(kind, bearer, f"code-f-{kind}{way}", host)
    equal(kind, taken_back, f"code-r-{kind}{way}", host)
    equal(kind, visit, f"code-e-{kind}{way}", visitor)


VALUE = """
const revive = (item) => {
  if (item === null || typeof item === "boolean" || typeof item === "string") return item;
  if (Array.isArray(item)) return item.map(revive);
  if ("n" in item) return BigInt(item.n);
  if ("b" in item) return hex(item.b);
  if ("t" in item) return new cbor.Tag(revive(item.t));
  return new Map(item.m.map(([key, one]) => [revive(key), revive(one)]));
};
const hex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const cbor = await import("./cbor.js");
const {toHex} = await import("./bytes.js");
"""


def sent(value):
    """A value as JSON that the page can make again."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return {"n": str(value)}
        case bytes():
            return {"b": value.hex()}
        case list():
            return [sent(one) for one in value]
        case cbor.Tag18():
            return {"t": sent(value.value)}
    return {"m": [[sent(key), sent(one)] for key, one in value.items()]}


def drawn(dice, depth=0):
    """A value that has a spelling."""
    edges = [0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**53, 2**64 - 1]
    plain = [
        lambda: dice.choice([True, False, None]),
        lambda: dice.choice(edges) * 1,
        lambda: -1 - dice.choice(edges),
        lambda: dice.randrange(2**40) - 2**39,
        lambda: dice.randbytes(dice.choice([0, 1, 23, 24, 255, 256, 300])),
        lambda: "".join(dice.choice("aZ0é中\U0001f6aa") for _ in range(dice.randrange(30))),
    ]
    nested = [
        lambda: [drawn(dice, depth + 1) for _ in range(dice.randrange(5))],
        lambda: {
            dice.choice([-5, 1, "a", "bb", 300, -70000, 7]): drawn(dice, depth + 1)
            for _ in range(dice.randrange(5))
        },
        lambda: cbor.Tag18(drawn(dice, depth + 1)),
    ]
    return dice.choice(plain if depth > 4 else plain + nested)()


def test_cbor_spells_values_as_our_own_codec_does(page):
    dice = random.Random(1)
    values = [drawn(dice) for _ in range(400)]

    found = page.evaluate(
        f"async (all) => {{ {VALUE}; return all.map((one) => toHex(cbor.encode(revive(one)))) }}",
        [sent(value) for value in values],
    )

    assert found == [cbor.encode(value).hex() for value in values]


def strictly(data):
    try:
        return cbor.encode(cbor.decode(data)).hex()
    except Refused:
        return None


def test_cbor_reads_and_refuses_what_our_own_codec_does(page):
    dice = random.Random(2)
    good = [one.body for one in CASES.values() if not one.is_text and len(one.body) < 4096]
    data = good + [cbor.encode(drawn(dice)) for _ in range(300)]
    data += [makers.edited(dice.choice(data), dice) for _ in range(3_000)]

    script = """try { return toHex(cbor.encode(cbor.decode(hex(one)))) }
        catch (error) { if (error.word !== "fault-form") throw error; return null }"""
    found = page.evaluate(
        f"async (all) => {{ {VALUE}; return all.map((one) => {{ {script} }}) }}",
        [one.hex() for one in data],
    )

    expected = [strictly(one) for one in data]
    assert found == expected
    assert 500 < expected.count(None) < len(data) - 500


def spelled45(text):
    try:
        return base45.decode(text).hex()
    except Refused:
        return None


def test_base45_reads_writes_and_refuses_as_ours_does(page):
    dice = random.Random(3)
    raw = [dice.randbytes(size) for size in [*range(40), 255, 256, 680]]
    texts = [base45.encode(one) for one in raw]
    texts += ["".join(dice.choice("09AZ $%*+-./:a#") for _ in range(7)) for _ in range(300)]
    texts += [
        "".join(dice.choice(base45.ALPHABET) for _ in range(dice.randrange(9))) for _ in range(900)
    ]

    found = page.evaluate(
        f"""async ([raw, texts]) => {{ {VALUE}; const base45 = await import("./base45.js");
        return [raw.map((one) => base45.encode(hex(one))), texts.map((one) => {{
          try {{ return toHex(base45.decode(one)) }} catch (error) {{ return null }} }})] }}""",
        [[one.hex() for one in raw], texts],
    )

    assert found[0] == texts[: len(raw)]
    assert found[1] == [spelled45(text) for text in texts]
    assert None in found[1]


def test_qr_codes_are_those_of_segno_module_for_module_or_read_where_it_errs(page):
    dice = random.Random(4)
    texts = [
        one.body.decode() for one in CASES.values() if one.name in ("code-c-text", "challenge")
    ]
    sizes = [1, 2, 14, 20, 21, 38, 39, 61, 90, 122, 154, 178, 221, 262, 311, 366, 419, 483]
    sizes += [528, 600, 656, 734, 816, 909, 970, 1024]
    texts += ["".join(dice.choice(base45.ALPHABET) for _ in range(size)) for size in sizes]
    texts += [
        "".join(dice.choice(base45.ALPHABET) for _ in range(dice.randrange(1, 500)))
        for _ in range(40)
    ]
    texts += [f"https://wallet.example/#pass=YPP1%3A{'a' * size}" for size in (0, 20, 200, 400)]

    found = page.evaluate(
        """async (texts) => { const {matrixOf} = await import("./qr.js");
        return texts.map((text) => matrixOf(text).map((row) => row.join("")).join("\\n")) }""",
        texts,
    )

    with closing(Scanner()) as scanner:
        for text, drawn_here in zip(texts, found, strict=True):
            if ends_at_a_codeword(text):
                assert scanner.read(picture_of(drawn_here)) == [text.encode()]
                continue
            symbol = segno.make_qr(text, error="m", boost_error=False)
            expected = "\n".join("".join(map(str, row)) for row in symbol.matrix)
            assert drawn_here == expected, (symbol.designator, text)


def ends_at_a_codeword(text):
    """Whether the bits do: segno 1.6 adds a codeword of zeros then, which no standard asks for."""
    size = segno.make_qr(text, error="m", boost_error=False).version
    if set(text) <= set(base45.ALPHABET):
        length = 4 + (9 if size < 10 else 11) + 11 * (len(text) // 2) + 6 * (len(text) % 2)
        return (length + 4) % 8 == 0
    return True  # bytes, between two halves of one


def picture_of(drawn_here):
    """The matrix as a camera sees it: eight pixels a module, a quiet zone of four."""
    modules = np.array([[int(one) for one in row] for row in drawn_here.split("\n")], np.uint8)
    return np.kron(np.pad(255 * (1 - modules), 4, constant_values=255), np.ones((8, 8), np.uint8))


TAKEN = """async (all) => {
  const [keys, pass, invite, text, base45, cbor] = await Promise.all(
    ["keys", "pass", "invite", "text", "base45", "cbor"].map((name) => import(`./${name}.js`)));
  const hex = (one) => Uint8Array.from(one.match(/../g), (pair) => parseInt(pair, 16));
  const answers = {
    "fault-foreign": "R-FOREIGN", "fault-form": "R-FORM", "fault-pass-key": "R-PROOF",
    "fault-pass-paper": "R-PROOF", "fault-invite-key": "R-PROOF", "fault-pass-expired": "R-EXP",
  };
  const reader = {
    enrolment: ({shown}) => keys.toText(keys.fromText(shown)),
    challenge: null,
    handover({shown, holder, at}) {
      const raw = hex(holder);
      const take = text.kindOf(shown) === text.INVITE ? invite.take : pass.take;
      const found = take(shown, {alg: raw.length === 32 ? -8 : -7, raw}, at);
      if (!found.limits) return shown.slice(0, 5) + base45.encode(found.token ?? found);
      const {keyedSeconds, bearerSeconds, uses} = found.limits;
      const all = [cbor.decode(found.token), keyedSeconds, bearerSeconds, uses];
      return shown.slice(0, 5) + base45.encode(cbor.encode(all));
    },
  };
  const challenge = await import("./challenge.js");
  reader.challenge = ({shown}) => challenge.read(shown) && shown;
  return all.map((one) => {
    try { return reader[one.kind](one) === one.shown ? "accepted" : "another spelling" }
    catch (error) { return answers[error.word] ?? String(error.stack) }
  });
}"""


def test_texts_for_phones_end_with_the_answer_they_name(page):
    asked = [one for one in CASES.values() if one.kind in ("enrolment", "handover", "challenge")]

    found = page.evaluate(
        TAKEN,
        [
            {
                "kind": one.kind,
                "shown": one.body.decode(),
                "holder": one.get("holder"),
                "at": one.at,
            }
            for one in asked
        ],
    )

    # a page has one sentence for a damaged text and for a key that is none
    expected = [one.expect.replace("R-SIG", "R-FORM") for one in asked]
    assert dict(zip((one.name for one in asked), found, strict=True)) == dict(
        zip((one.name for one in asked), expected, strict=True)
    )
