"""The office of one compound: a folder with its authority, its residents and its secrets.

    office.toml  site.secret  auditor.pub  keys/  genesis.policy  book.db  log.lock  signed.note
    cosigners/

Everything that gates learn from it goes through the log and `publish`. Names stay in book.db.
"""

import secrets
import shutil
import sqlite3
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from appliance.office import auditor, standing
from appliance.office.authority import RESTORE, Authority, Random, Terms, Unlock
from appliance.office.held import Held
from appliance.office.issuing import Issuing
from appliance.office.names import name_of
from appliance.office.residents import REVOKED, Listed, Resident, Residents
from appliance.office.roll import Line
from appliance.passes.token import Assurance, HolderClass
from appliance.policy import site_rule
from ledger_sync import deny, entries, files, keyfile, migrations
from ledger_sync.authority.lock import LOCK
from ledger_sync.authority.sequencer import SIGNED, Sequencer
from ledger_sync.deny import MAX_PLACES
from ledger_sync.errors import Refused
from ledger_sync.keys import ED25519, SEED_BYTES, PublicKey, SigningKey
from ledger_sync.kinds import MAY_ORDER, USUAL_RIGHTS

ISSUER_YEARS = 10
YEAR = 365 * 86_400
DAY = 86_400
ALL_CLASSES = sum(1 << klass for klass in HolderClass)
OWN_RIGHTS = USUAL_RIGHTS | MAY_ORDER  # of the office's own key
_HINT = "make an office with: yardpass office init"


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
    unlock: Unlock | None = None

    @classmethod
    def create(
        cls,
        folder: Path,
        *,
        site: str,
        now: int,
        terms: Terms | None = None,
        passphrase: str | None = None,
        random: Random = secrets.token_bytes,
    ) -> "Office":
        """Makes keys, secret, policy, cosigners and a log; the first entries are the policy, the
        issuer and the rule. All of it or nothing: raises `Refused` if there is an office, or a
        part of one. With `passphrase` all private keys are sealed."""
        if (folder / "office.toml").exists():
            raise Refused(f"{folder} holds an office already", reason="R-SETTINGS")
        for part in ("keys", "cosigners", "book.db", LOCK, SIGNED):
            if (folder / part).exists():
                what = f"{folder} holds {part} but no office.toml: damaged, or half made"
                raise Refused(f"{what}; {RESTORE}, or give a new folder", reason="R-SETTINGS")
        unlock = (lambda path: passphrase) if passphrase else None
        office = cls(folder, site, f"yardpass/{site.removeprefix('yp:')}", unlock)
        files.make_folder(folder / "keys", mode=0o700)
        try:
            files.make_all(folder, office._parts(now, terms or Terms(), random, passphrase))
        except BaseException:
            shutil.rmtree(folder / "cosigners", ignore_errors=True)
            with suppress(OSError):
                for part in (LOCK, SIGNED):
                    (folder / part).unlink(missing_ok=True)
                (folder / "keys").rmdir()
            raise
        files.sync_folder(folder.absolute().parent)
        return office

    def _parts(
        self, now: int, terms: Terms, random: Random, passphrase: str | None
    ) -> dict[str, Callable[[Path], object]]:
        """What makes each file of a new office, in order."""
        issuer = SigningKey(ED25519, random(SEED_BYTES))
        until = now + ISSUER_YEARS * YEAR
        text = f'site = "{self.site}"\norigin = "{self.origin}"\n'

        def finish(path: Path) -> None:
            migrations.migrate(self.folder / "book.db", migrations.office_schema)
            named = entries.Issuer(self.site, issuer.public, now, until, ALL_CLASSES, OWN_RIGHTS)
            rule = entries.Rule(site_rule.RULE_NAME, b"{}")
            self._add([entries.parse(self.authority.genesis()), named, rule])
            files.write_once(path, text.encode())

        return {
            **auditor.parts(SigningKey(ED25519, random(SEED_BYTES)), passphrase),
            "keys/issuer.key": partial(keyfile.write_key, key=issuer, passphrase=passphrase),
            "site.secret": partial(keyfile.write_secret, secret=random(32)),
            **self.authority.parts(terms, random, passphrase),
            "office.toml": finish,  # last: now it is an office
        }

    @classmethod
    def open(cls, folder: Path, *, unlock: Unlock | None = None) -> "Office":
        """The office in `folder`. Raises `Unavailable` if there is none."""
        text = files.read_bounded(folder / "office.toml", 4_096, hint=_HINT)
        try:
            values = tomllib.loads(text.decode())
            site, origin = values["site"], values["origin"]
        except (ValueError, KeyError):
            site, origin = "", ""
        if not (isinstance(site, str) and site and isinstance(origin, str) and origin):
            raise Refused(f"{folder}/office.toml is damaged; {RESTORE}", reason="R-SETTINGS")
        return cls(folder, site, origin, unlock)

    def auditor(self) -> bytes:
        """The auditor's public key, as terminals are given it; empty in an office without one."""
        return auditor.public(self.folder, hint=RESTORE)

    @property
    def authority(self) -> Authority:
        """The side that signs: policy, log, cosigners."""
        return Authority(self.folder, self.origin, self.unlock)

    def secret(self) -> bytes:
        """The site secret terminals make pseudonyms with."""
        return keyfile.read_secret(self.folder / "site.secret", hint=RESTORE)

    def issuer(self) -> SigningKey:
        path = self.folder / "keys" / "issuer.key"
        return keyfile.read_key(path, hint=RESTORE, passphrase=self.unlock)

    def _add(
        self,
        new: Iterable[entries.Entry],
        within: Callable[[sqlite3.Connection], object] | None = None,
    ) -> int:
        with self.authority.book() as book:
            return book.add(new, within=within)

    @contextmanager
    def book(self) -> Iterator[tuple[Sequencer, Residents]]:
        with self.authority.book() as book:
            yield book, Residents(book.store.db)

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
        carrier: str | None = None,
    ) -> Enrolled:
        """A pass for `resident`; without `key` a static bearer pass for print."""
        carrier = carrier or ("key" if key else "print")
        line = Line(0, name_of(resident), klass, zones, days, key, carrier)
        (made,) = self.enrol_all([line], now=now, assurance=assurance)
        return Enrolled(made.token, made.handle)

    def held(self, *, now: int) -> Held:
        """What everybody holds now, to compare a roll with."""
        with self.book() as (_, residents):
            return Held.in_book(residents, now=now)

    def enrol_all(
        self,
        lines: Sequence[Line],
        *,
        now: int,
        assurance: Assurance = Assurance.SOFTWARE_KEY,
        held: Held | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Resident]:
        """A pass for every line of a roll, all of them or none. Raises `Refused` if the lines were
        compared with `held` and the book is no longer the one that it was read from."""
        if not lines:
            return []
        return self.enrol_by(self.issuing(now, assurance=assurance), lines, held, progress)

    def issuing(
        self,
        now: int,
        *,
        assurance: Assurance = Assurance.SOFTWARE_KEY,
        card: int = entries.CARD,
        bound: bytes | None = None,
    ) -> Issuing:
        """How this office makes passes; the last three as in `Issuing`."""
        return Issuing(self.site, self.issuer(), self.secret(), now, assurance, card, bound)

    def enrol_by(
        self,
        issuing: Issuing,
        lines: Sequence[Line],
        held: Held | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Resident]:
        """`enrol_all`, as `issuing` says."""
        made: list[Resident] = []

        def passes(book: Residents) -> Iterator[entries.Entry]:
            if held is not None and held.newest != book.newest():
                raise Refused("somebody was enrolled meanwhile; import once more")
            yield from issuing.passes(lines, book.places(self.site), made, progress)

        with self.book() as (book, residents):
            book.add(passes(residents), within=lambda db: residents.insert(made))
        return made

    def issued(self, resident: str, *, now: int) -> Resident:
        """The pass this person got last. Raises `Refused` if there is none that can be shown."""
        with self.book() as (_, residents):
            found = residents.newest_of(name_of(resident), now=now)
            hint = "" if found else residents.hint(name_of(resident))
        if found is None:
            raise Refused(f"no pass of {resident!r} is in force{hint}")
        if not found.token:
            raise Refused(f"{resident!r} holds a bare card number, which has no code to show")
        return found

    def set_status(
        self, resident: str, status: int, *, now: int, carrier: str | None = None
    ) -> int:
        """Gives all passes of `resident`, or those on one carrier, this status (0 valid, 1
        revoked, 2 suspended, 3 condition); how many they are. A revoked pass stays revoked: its
        phone may be in other hands. Raises `Refused` if there is no pass to change."""
        with self.book() as (book, residents):
            places = residents.places_of(name_of(resident), carrier)
            if not places:
                what = f"{resident!r} with a {carrier}" if carrier else repr(resident)
                hint = residents.hint(name_of(resident))
                raise Refused(f"nobody is enrolled as {what}{hint}")
            return standing.change(book, residents, places, status, now=now)

    def deny(self, resident: str, *, now: int) -> bytes:
        """A deny note for all passes of `resident` that are not revoked: it works at a gate at
        once, for a day, without a quorum. Suspend or revoke as well for what shall last."""
        with self.book() as (_, residents):
            places = [
                (uri, idx)
                for _, uri, idx, status in residents.places_of(name_of(resident))
                if status != REVOKED
            ]
            hint = "" if places else residents.hint(name_of(resident))
        if not places:
            raise Refused(f"no pass of {resident!r} is in force{hint}")
        return deny.sign(self.origin, places[-MAX_PLACES:], issued_at=now, key=self.issuer())

    def baseline(self, *, now: int) -> int:
        """Writes every status list as one entry, so that a new gate need not replay the changes;
        how many lists."""
        issuer = self.issuer()
        with self.book() as (book, residents):
            new = list(standing.baselines(book, residents, issuer, now=now))
            book.add(new)
        return len(new)

    def add(self, *new: entries.Entry) -> int:
        """Writes entries of other kinds: terminals, issuers, recognitions, files, rules."""
        return self._add(new)

    def residents(self) -> list[Listed]:
        """Everybody who is enrolled, by name."""
        with self.book() as (_, residents):
            return residents.listed()

    def cards(self, *, now: int) -> list[Resident]:
        """All printed passes in force, by name."""
        with self.book() as (_, residents):
            return [one for one in residents.in_force(now=now) if one.carrier == "print"]

    def take_away(self, terminal: str) -> None:
        """Says in the ledger that the terminal is gone. Raises `Refused` if there is none."""
        with self.authority.book() as book:
            if book.store.row("SELECT name FROM terminal WHERE name = ?", terminal) is None:
                rows = book.store.rows("SELECT name FROM terminal ORDER BY name LIMIT 50")
                known = ", ".join(name for (name,) in rows) or "none"
                raise Refused(f"no terminal {terminal!r} in the ledger; it has {known}")
            book.add([entries.Terminal(terminal)])
