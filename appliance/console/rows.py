"""Rows of the console: a gate, something that happened, what stands; each in one line. Pure."""

from appliance.console.lines import Line, Look, apart, cells, fit
from appliance.console.seen import Seen
from appliance.console.standing import Standing
from appliance.console.words import Words
from appliance.gate.words import plain
from appliance.policy.schedule import Zone, moment
from appliance.policy.verdict import SHAPES, Action, Colour, Verdict
from appliance.update.outcome import UNDER_WAY
from appliance.version import shown
from ledger_sync import act
from ledger_sync.clock import Grade

LOOKS = {
    Colour.GREEN: Look.GREEN,
    Colour.GREY: Look.GREY,
    Colour.YELLOW: Look.YELLOW,
    Colour.RED: Look.RED,
}
WAYS = ("way.in", "way.out")
WIDTHS = (12, 13, 7, 5, 15)  # of the columns of the gates, but the last


def gate_line(
    name: str, last: Seen | None, standing: Standing, own: str, now: int, words: Words
) -> Line:
    """The live twin of a gate: its link, what it judges by, how it is, its last check."""
    link = words(f"link.{_link(standing, name, own)}")
    told = ["-", "-", _condition(standing, name, own, words), "-"]
    if last is not None:
        told[0] = words.age(last.at - last.heard_at) if last.heard_at else "-"
        told[1] = words(f"clock.{Grade(last.grade).name}")
        when = fit(_brief(last.at, now, standing.zone, words), 5)
        told[3] = f"{_short(last, words)} {when} {release_of(last)}".rstrip()
    return Line(columns([plain(name), link, *told]), LOOKS[last.colour] if last else Look.DIM)


def headline(verdict: Verdict, words: Words) -> str:
    """`● GREEN  opens`: shape, word, action, in columns of their own."""
    colour, action = words(f"colour.{verdict.colour.name}"), words(f"action.{verdict.action.name}")
    wide = max(cells(words(f"colour.{one.name}")) for one in Colour)
    far = max(cells(words(f"action.{one.name}")) for one in Action)
    return f"{SHAPES[verdict.colour]} {fit(colour, wide)} {fit(action, far)}"


def columns(texts: list[str]) -> str:
    """A row of the gates: terminal, link, ledger, clock, gate, last check."""
    *narrow, check = texts
    cells_ = (fit(text, width) for text, width in zip(narrow, WIDTHS, strict=True))
    return f" {' '.join(cells_)} {check}"


def _condition(standing: Standing, name: str, own: str, words: Words) -> str:
    """How a gate is: its gravest alarm that stands; of this one its door as well."""
    alarms = [kind for terminal, kind, _ in standing.alarms if terminal == name]
    if alarms:
        return alarm_words(alarms[-1], words)
    door = standing.gate.door if name == own and standing.gate else ""
    return words(f"door.{door}") if words.has(f"door.{door}") else words("door.well")


def _short(one: Seen, words: Words) -> str:
    """Shape and word of a verdict, in columns."""
    wide = max(cells(words(f"colour.{colour.name}")) for colour in Colour)
    return f"{SHAPES[one.colour]} {fit(words(f'colour.{one.colour.name}'), wide)}"


def version_of(one: Seen) -> str:
    """`0.1.0-1795305600`: the software of a check, in a word."""
    return plain(shown(one.software))


def release_of(one: Seen) -> str:
    """`0.1.0` of it, where a line has no room for when it was built."""
    return version_of(one).partition("-")[0]


def verdict_of(one: Seen) -> Verdict:
    return Verdict(one.colour, one.action, ())


def _link(standing: Standing, name: str, own: str) -> str:
    if name == own:
        return "self"
    return (standing.links or {}).get(name, "unknown")


def why(one: Seen, words: Words) -> str:
    """The first reason's sentence; its code where a later version gave it."""
    if not one.reasons:
        return words("all_holds")
    name = f"reason.{one.reasons[0]}"
    return words(name) if words.has(name) else plain(one.reasons[0])


def listed(one: Seen, zone: Zone, now: int, words: Words, *, width: int) -> Line:
    """What happened, in a line; at its end the version that made a check, for which the codes are
    cut where there is no room for both, and the verdict never."""
    head = f" {fit(_brief(one.at, now, zone, words), 7)} {fit(plain(one.terminal), 12)}"
    if one.alarm:
        return Line(f"{head} ! {alarm_words(one.alarm, words)}", Look.ALARM)
    if one.fault:
        return Line(f"{head} ! {words(f'act.{one.fault}')}", Look.ALARM)
    if one.act is not None:
        return Line(f"{head} {_done(one, words)}", Look.TITLE)
    codes = plain(" ".join(one.reasons))
    way = fit(words(f"short.{WAYS[one.way]}"), 3)
    verdict = f"{head} {way} {headline(verdict_of(one), words)}"
    text = f"{verdict} {codes}".rstrip()
    for version in (version_of(one), release_of(one)):
        if cells(text) + cells(version) + 2 <= width:
            return Line(apart(text, f"{version} ", width).rstrip(), LOOKS[one.colour])
    if version and cells(verdict) + cells(version) + 2 <= width:
        text = f"{fit(text, width - cells(version) - 2)} {version}"
    return Line(text, LOOKS[one.colour])


def _done(one: Seen, words: Words) -> str:
    """`anna opened by hand: Courier, two parcels`."""
    assert one.act is not None
    deed, guards = one.act.deed, one.act.guards
    said = f": {plain(one.said)}" if one.said else ""
    other = plain(guards[-1]) if deed.kind is act.Kind.HANDOVER else ""
    return words(f"act.{deed.kind.value}", guard=plain(guards[0]), other=other) + said


def alarm_words(kind: str, words: Words) -> str:
    """What an alarm is called; one of a later version by its number."""
    name = f"alarm.{kind}"
    return words(name) if words.has(name) else plain(kind).upper()


def standing_lines(standing: Standing, now: int, words: Words, *, most: int) -> list[Line]:
    """Alarms, orders and calls for help that stand, the gravest first."""

    def since(at: int) -> str:
        return words.clock(at, now, standing.zone)

    told = [
        words("told.duress", gate=plain(one.gate), time=since(one.at)) for one in standing.duress
    ]
    if standing.gate is None:
        told.append(words("told.gone"))
    for name, kind, at in standing.alarms:
        what = alarm_words(kind, words)
        told.append(words("told.alarm", what=what, gate=plain(name), time=since(at)))
    for one in standing.orders:
        what = words(f"order_kind.{one.kind.value}")
        told.append(words("told.order", what=what, time=since(one.issued_at)))
    if standing.links is None:
        told.append(words("told.alone"))
    last = standing.update
    if last is not None and last.state in UNDER_WAY:
        told.append(words(f"told.update.{last.state.value}", version=plain(last.version)))
    if len(told) > most:
        told[most - 1 :] = [words("told.more", first=told[most - 1], count=len(told) - most)]
    return [Line(f" ! {one}", Look.ALARM, is_wide=True) for one in told]


def _brief(at: int, now: int, zone: Zone, words: Words) -> str:
    """`14:02` today, `2 d` before: never wider than its column."""
    is_today = moment(zone, at).day == moment(zone, now).day
    return clock(zone, at) if is_today else words.age(now - at)


def clock(zone: Zone, at: int) -> str:
    minute = moment(zone, at).minute
    return f"{minute // 60:02}:{minute % 60:02}"
