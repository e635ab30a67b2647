"""CertLogic 1.3: a rule in JSON and data in JSON to a value in JSON. Pure: time is in the data.

    {"in": [{"var": "payload.class"}, [1, 2]]}  with  {"payload": {"class": 2}}  ->  true

A logic is checked and made into closures once, by `compiled`. Operations follow the EU's
certlogic/specification/README.md, version 1.3.2, and cite its headings. What is no CertLogic, or
has an operand of the wrong type, is `Refused` (R-SETTINGS), and so is what would run too long.
"""

from collections.abc import Callable, Sequence

from appliance.policy.certlogic_operations import (
    MAX_NODES,
    OPERATIONS,
    Make,
    Part,
    Run,
    array,
)
from appliance.policy.certlogic_values import (
    MAX_DEPTH,
    MAX_STEPS,
    MAX_WHOLE,
    Budget,
    Value,
    kind,
    published,
    refuse,
    shown,
    whole,
)
from ledger_sync.errors import Refused


def evaluate(logic: Value, data: Value) -> Value:
    """The value of `logic` for `data`; date-times come out as the text of a Date in JSON.

    Raises `Refused` (R-SETTINGS) naming the operation and where it stands, and nothing else,
    whatever JSON comes in. Neither argument is changed.
    """
    return compiled(logic)(data)


def compiled(logic: Value) -> Callable[[Value], Value]:
    """`evaluate` of this logic: checked here, then called with data as often as needed.

    Raises `Refused` (R-SETTINGS) here for whatever is wrong with the logic by itself, and when
    called for a value of the wrong type or too much work. Data is what `json` reads, so objects
    are `dict`; arrays and objects in the result may be those of the data.
    """
    reader = _Reader()
    run = reader.part(logic, "logic", 1).run
    if not reader.is_building:
        return lambda data: run(data, [MAX_STEPS])

    def publish(data: Value) -> Value:
        budget = [MAX_STEPS]
        return published(run(data, budget), budget, "logic")

    return publish


def variables(logic: Value) -> frozenset[str]:
    """The `var` paths that a logic reads from its data, in any branch. Paths in the lambda of a
    `reduce` are left out, as they read `current` and `accumulator` only; what the lambda goes
    over stands in the operand. Raises `Refused` as `compiled` does."""
    reader = _Reader()
    reader.part(logic, "logic", 1)
    return frozenset(reader.paths)


class _Reader:
    """Reads one logic: counts its nodes, collects its paths, makes its closures."""

    def __init__(self) -> None:
        self.node_count = 0
        self.paths: set[str] = set()
        self.is_building = False  # the value may hold instants, or arrays of the closures
        self._lambdas = 0

    def part(self, logic: Value, where: str, depth: int) -> Part:
        before, self.node_count = self.node_count, self.node_count + 1
        if depth > MAX_DEPTH or self.node_count > MAX_NODES:
            refuse(where, f"over {MAX_DEPTH} deep or {MAX_NODES} nodes")
        if isinstance(logic, dict):
            run, is_fixed = self._operation(logic, where, depth)
        elif isinstance(logic, list):
            self.is_building = True
            run, is_fixed = _fold(array, self._parts(logic, where, depth), logic, where)
        else:
            run, is_fixed = _constant(_literal(logic, where)), True
        return Part(run, is_fixed, self.node_count - before)

    def _parts(self, logics: list[Value], where: str, depth: int) -> list[Part]:
        return [self.part(one, f"{where}[{at}]", depth + 1) for at, one in enumerate(logics)]

    def _operation(self, logic: dict[Value, Value], where: str, depth: int) -> tuple[Run, bool]:
        if len(logic) != 1:
            refuse(where, f"an operation has one name, not {len(logic)}")
        ((name, operands),) = logic.items()
        if name == "var":
            return self._var(operands, f"{where}.var"), False
        if not isinstance(name, str) or name not in OPERATIONS:
            refuse(where, f"unknown operation {shown(name)}")
        where, known = f"{where}.{name}", OPERATIONS[name]
        if not isinstance(operands, list) or not known.least <= len(operands) <= known.most:
            refuse(where, f"takes an array of {known.takes}")
        self.is_building |= name in ("plusTime", "dccDateOfBirth")
        if name != "reduce":
            parts = self._parts(operands, where, depth)
        else:
            parts = self._reduction(operands, where, depth)
        return _fold(known.make, parts, operands, where)

    def _reduction(self, operands: list[Value], where: str, depth: int) -> list[Part]:
        over = self.part(operands[0], f"{where}[0]", depth + 1)
        self._lambdas += 1
        step = self.part(operands[1], f"{where}[1]", depth + 1)
        self._lambdas -= 1
        return [over, step, self.part(operands[2], f"{where}[2]", depth + 1)]

    def _var(self, path: Value, where: str) -> Run:
        """Data access. An integer is an index in an array, and a name in an object."""
        names = path.split(".") if isinstance(path, str) and path else []
        if not isinstance(path, str) or "" in names:
            refuse(where, f"{shown(path)} is no path")
        if not self._lambdas:
            self.paths.add(str(path))
        steps = [(name, _index(name)) for name in names]

        def run(data: Value, budget: Budget) -> Value:
            for name, index in steps:
                if isinstance(data, dict):
                    data = data.get(name)
                elif isinstance(data, list):
                    data = data[index] if 0 <= index < len(data) else None
                elif data is None or isinstance(data, str | int | float):
                    return None
                else:
                    refuse(where, f"{kind(data)} is no JSON")
            return data

        return run


def _fold(
    make: Make, parts: Sequence[Part], operands: Sequence[Value], where: str
) -> tuple[Run, bool]:
    """The closure of an operation; its value, if no operand depends on the data. What is refused
    then is refused again when it is reached, for it may never be."""
    run = make(parts, operands, where)
    if not all(part.is_fixed for part in parts):
        return run, False
    try:
        return _constant(run(None, [MAX_STEPS])), True
    except Refused:
        return run, False


def _constant(value: Value) -> Run:
    return lambda data, budget: value


def _literal(value: Value, where: str) -> Value:
    """Literal values: booleans, strings and integers; neither null nor fractions."""
    if isinstance(value, bool | str):
        return value
    if not isinstance(value, int | float) or abs(whole(value, where)) > MAX_WHOLE:
        refuse(where, f"{kind(value)} is no literal")
    return value


def _index(name: str) -> int:
    """The index that a path fragment is in an array, -1 for none."""
    return int(name) if name.isascii() and name.isdigit() and len(name) < 10 else -1
