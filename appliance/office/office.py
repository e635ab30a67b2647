"""The office of one compound: a folder with its keys, its residents and its log.

    keys/{log,cosigner,issuer}.key  site.secret  policy.txt  office.toml  book.db  residents.db

Everything that gates learn from it goes through the log and `publish`. Names stay in residents.db.
"""

import secrets
import sqlite3
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from appliance.passes import token
from appliance.passes.token import Assurance, HolderClass, Pass
from appliance.policy import site_rule
from ledger_sync import entries, files, keyfile, migrations, note
from ledger_sync.authority.sequencer import Sequencer, Signer, unavailable
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keys import ED25519, SEED_BYTES, PublicKey, SigningKey
from ledger_sync.quorum import parse_policy

LIST_SIZE = entries.MAX_STATUS_INDEX + 1  # subjects of one status list
MAX_RESIDENT = 200  # characters of a resident's name in the office's own book
ISSUER_YEARS = 10
YEAR = 365 * 86_400
_HINT = "make an office with: yardpass office init"
_RESTORE = "restore the newest copy of the office"
_REVOKED = 1
Random = Callable[[int], bytes]


class Enrolled(NamedTuple):
    """What `enrol` gives back: the pass for the phone or the print, and its handle."""

    token: bytes
    handle: bytes


@dataclass(frozen=True, slots=True)
class Office:
    """An open office. `site` is what passes name as issuer and codes as audience."""

    folder: Path
    site: str
    origin: str

    @classmethod
    def create(
        cls, folder: Path, *, site: str, now: int, random: Random = secrets.token_bytes
    ) -> "Office":
        """Makes keys, secret, policy and an empty log; the first entries name the issuer and the
        rule. All of it or nothing: raises `Refused` if there is an office, or a part of one."""
        if (folder / "office.toml").exists():
            raise Refused(f"{folder} holds an office already", reason="R-SETTINGS")
        if (folder / "keys").exists():
            what = f"{folder} holds keys but no office.toml: a damaged office, or half of one"
            raise Refused(f"{what}; {_RESTORE}, or give a new folder", reason="R-SETTINGS")
        office = cls(folder, site, f"yardpass/{site.removeprefix('yp:')}")
        files.make_folder(folder / "keys", mode=0o700)
        try:
            files.make_all(folder, office._parts(now, random))
        except BaseException:
            with suppress(OSError):
                (folder / "keys").rmdir()
            raise
        files.sync_folder(folder.absolute().parent)
        return office

    def _parts(self, now: int, random: Random) -> dict[str, Callable[[Path], object]]:
        """What makes each file of a new office, in order."""
        made = {name: SigningKey(ED25519, random(SEED_BYTES)) for name in _KEYS}
        until = now + ISSUER_YEARS * YEAR
        issuer = entries.Issuer(self.site, made["issuer"].public, now, until, ALL_CLASSES)
        rule = entries.Rule(site_rule.RULE_NAME, b"{}")
        text = f'site = "{self.site}"\norigin = "{self.origin}"\n'

        def finish(path: Path) -> None:
            self._add([issuer, rule])
            files.write_once(path, text.encode())

        return {
            **{f"keys/{name}.key": partial(keyfile.write_key, key=made[name]) for name in _KEYS},
            "site.secret": partial(keyfile.write_secret, secret=random(32)),
            "policy.txt": partial(files.write_once, data=self._policy_text(made).encode()),
            "residents.db": _make_residents,
            "book.db": lambda path: Sequencer.create(path, origin=self.origin).close(),
            "office.toml": finish,  # last: now it is an office
        }

    @classmethod
    def open(cls, folder: Path) -> "Office":
        """The office in `folder`. Raises `Unavailable` if there is none."""
        text = files.read_bounded(folder / "office.toml", 4_096, hint=_HINT)
        try:
            values = tomllib.loads(text.decode())
            site, origin = values["site"], values["origin"]
        except (ValueError, KeyError):
            site, origin = "", ""
        if not (isinstance(site, str) and site and isinstance(origin, str) and origin):
            raise Refused(f"{folder}/office.toml is damaged; {_RESTORE}", reason="R-SETTINGS")
        return cls(folder, site, origin)

    def _policy_text(self, keys: dict[str, SigningKey]) -> str:
        log, cosigner = self._verifiers(keys["log"].public, keys["cosigner"].public)
        return (
            f"# Whom the gates of {self.site} believe.\nlog {log.to_vkey()}\n"
            f"witness office {cosigner.to_vkey()}\nquorum office\n"
        )

    def _verifiers(self, log: PublicKey, cosigner: PublicKey) -> tuple[note.Verifier, ...]:
        return (
            note.Verifier(self.origin, note.NOTE_KEY, log.raw),
            note.Verifier(f"{self.origin}/office", note.COSIGNER_KEY, cosigner.raw),
        )

    def _key(self, name: str) -> SigningKey:
        return keyfile.read_key(self.folder / "keys" / f"{name}.key", hint=_RESTORE)

    def _secret(self) -> bytes:
        return keyfile.read_secret(self.folder / "site.secret", hint=_RESTORE)

    def _add(self, new: Iterable[entries.Entry]) -> int:
        book = Sequencer(self.folder / "book.db", origin=self.origin)
        try:
            return book.add(new)
        finally:
            book.close()

    def enrol(
        self,
        resident: str,
        *,
        key: PublicKey | None,
        klass: HolderClass,
        zones: int,
        now: int,
        days: int,
        assurance: Assurance = Assurance.SOFTWARE_KEY,
    ) -> Enrolled:
        """A pass for `resident`; without `key` a static bearer pass for print.

        The index in the status list is drawn at random, so that lists do not tell who came when.
        """
        resident = _name_of(resident)
        issuer = self._key("issuer")
        with self._residents() as db:
            uri, idx = self._free_index(db)
            claims = Pass(
                issuer=self.site,
                subject=token.subject_of(self._secret(), resident),
                issued_at=now,
                expires_at=now + days * 86_400,
                key=key,
                uri=uri,
                idx=idx,
                klass=int(klass),
                zones=zones,
                assurance=int(assurance if key else Assurance.BEARER),
            )
            made = token.issue(claims, issuer)
            handle = token.handle_of(made)
            terms = (claims.klass, zones, claims.expires_at, "print" if key is None else "key")
            db.execute(
                "INSERT INTO resident (resident, handle, subject, uri, idx, klass, zones,"
                " expires_at, carrier) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (resident, handle, claims.subject, uri, idx, *terms),
            )
            self._add([_entry_of(claims, handle, issuer.public.kid)])
        return Enrolled(made, handle)

    def _free_index(self, db: sqlite3.Connection) -> tuple[str, int]:
        (count,) = db.execute("SELECT count(*) FROM resident").fetchone()
        uri = f"{self.site}/s/{count // (LIST_SIZE // 2) + 1}"  # lists stay half empty: decoys
        while True:
            idx = secrets.randbelow(LIST_SIZE)
            row = db.execute("SELECT 1 FROM resident WHERE uri = ? AND idx = ?", (uri, idx))
            if row.fetchone() is None:
                return uri, idx

    def set_status(self, resident: str, status: int, *, now: int) -> int:
        """Gives all passes of `resident` this status (0 valid, 1 revoked, 2 suspended, 3
        condition); how many they are. A revoked pass stays revoked: its phone may be in other
        hands. Raises `Refused` if there is no pass to change."""
        resident = _name_of(resident)
        with self._residents() as db:
            rows = db.execute(
                "SELECT id, uri, idx, status FROM resident WHERE resident = ?", (resident,)
            ).fetchall()
            if not rows:
                raise Refused(f"nobody is enrolled as {resident!r}; see: yardpass office list")
            live = [row for row in rows if status == _REVOKED or row[3] != _REVOKED]
            if not live:
                raise Refused(f"all passes of {resident!r} are revoked for good; enrol again")
            changed = [(status, number) for number, *_ in live]
            db.executemany("UPDATE resident SET status = ? WHERE id = ?", changed)
            self._add(entries.Status(uri, now, ((idx, status),)) for _, uri, idx, _ in live)
        return len(live)

    def set_rule(self, text: bytes) -> site_rule.SiteRule:
        """Publishes a new gate rule. Raises `Refused` listing what is wrong with it."""
        rule = site_rule.read(text)
        self._add([entries.Rule(site_rule.RULE_NAME, text)])
        return rule

    def residents(self) -> list[tuple[str, str, int, str, int]]:
        """(resident, class, expires at, carrier, status), by name."""
        with self._residents() as db:
            rows = db.execute(
                "SELECT resident, klass, expires_at, carrier, status FROM resident ORDER BY 1, id"
            ).fetchall()
        return [(who, HolderClass(k).name.lower(), at, how, st) for who, k, at, how, st in rows]

    def publish(self, *, now: int) -> bytes:
        """The signed and cosigned ledger file that terminals load."""
        log, cosigner = self._key("log"), self._key("cosigner")
        log_name, cosigner_name = self._verifiers(log.public, cosigner.public)
        book = Sequencer(self.folder / "book.db", origin=self.origin)
        try:
            return book.export(Signer(log_name, log), [Signer(cosigner_name, cosigner)], now=now)
        finally:
            book.close()

    def policy(self) -> bytes:
        """The policy text terminals pin."""
        data = files.read_bounded(self.folder / "policy.txt", 65_536, hint=_RESTORE)
        try:
            parse_policy(data)
        except Refused as refused:
            what = f"{self.folder}/policy.txt is damaged ({refused}); {_RESTORE}"
            raise Refused(what, reason=refused.reason) from None
        return data

    def secret(self) -> bytes:
        """The site secret terminals make pseudonyms with."""
        return self._secret()

    @contextmanager
    def _residents(self) -> Iterator[sqlite3.Connection]:
        path = self.folder / "residents.db"
        if not path.is_file():
            raise Unavailable(f"no residents' book at {path}; {_RESTORE}")
        try:
            uri = f"{path.absolute().as_uri()}?mode=rw"  # a path may hold ?, # and %
            db = sqlite3.connect(uri, uri=True, isolation_level="IMMEDIATE")
            try:
                with db:
                    yield db
            finally:
                db.close()
        except sqlite3.Error as error:
            raise unavailable(path, error) from error


_KEYS = ("log", "cosigner", "issuer")
_NO_LETTERS = {"Cc", "Cs", "Zl", "Zp"}  # controls, halves of broken UTF-8, line breaks
ALL_CLASSES = sum(1 << klass for klass in HolderClass)


def _name_of(resident: str) -> str:
    """The name in one spelling. Raises `Refused` for one that a list could not show in a line."""
    name = unicodedata.normalize("NFC", resident)
    if not 0 < len(name) <= MAX_RESIDENT or not name.strip():
        raise Refused(f"a resident's name has 1 to {MAX_RESIDENT} characters")
    if any(unicodedata.category(letter) in _NO_LETTERS for letter in name):
        raise Refused(
            f"{name!r} is no name: it holds line breaks, control characters or bad UTF-8"
        )
    return name


def _make_residents(path: Path) -> None:
    files.write_once(path, b"", mode=0o600)
    try:
        migrations.migrate(path, migrations.office_schema)
    except sqlite3.Error as error:
        path.unlink()
        raise unavailable(path, error) from error


def _entry_of(claims: Pass, handle: bytes, kid: bytes) -> entries.Pass:
    return entries.Pass(
        handle=handle,
        kid=kid,
        subject=claims.subject,
        uri=claims.uri,
        index=claims.idx,
        klass=claims.klass,
        zones=claims.zones,
        assurance=claims.assurance,
        issued_at=claims.issued_at,
        expires_at=claims.expires_at,
        key=claims.key,
    )
