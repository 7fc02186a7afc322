"""Whether a stage says on every way out how it ended: a walk through its control flow.

A way is in one of three conditions: no StageIO is open yet, one is open, or it has been finalized.
"""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property

from runner.compliance.code import Code, Function, own_nodes
from runner.compliance.stage_objects import StageObjects

LEAVING = frozenset({"sys.exit", "exit", "quit", "os._exit"})
HARMLESS = frozenset(
    {
        "bool", "dict", "enumerate", "frozenset", "isinstance", "len", "list", "range", "repr",
        "set", "str", "tuple", "type", "zip", "collections.Counter", "collections.defaultdict",
        "shared.stage_warnings.warn", "sys.exc_info", "time.monotonic", "time.perf_counter",
        "time.time",
    }
)  # fmt: skip
NOTES = ("get_stage_logger", "add_error", "add_warning", "set_resources", "progress")
HARMLESS_METHODS = frozenset({"append", "items", "join", "keys", "values"})
BROAD = frozenset({"Exception", "BaseException"})


class Condition(Enum):
    """How far a way has come."""

    BEFORE = auto()
    OPEN = auto()
    FINAL = auto()


Way = tuple[ast.AST, Condition]


@dataclass
class Ways:
    """The ways out of some statements.

    ``end`` are the conditions in which their end is reached, ``left`` the ways by ``return`` or an
    exit, ``raised`` those by an exception; ``seen`` are all conditions before any of them.
    """

    end: set[Condition] = field(default_factory=set)
    left: list[Way] = field(default_factory=list)
    raised: list[Way] = field(default_factory=list)
    broken: set[Condition] = field(default_factory=set)
    continued: set[Condition] = field(default_factory=set)
    seen: set[Condition] = field(default_factory=set)

    def take(self, other: "Ways") -> None:
        """Add all ways out of others, but for their end."""
        self.left += other.left
        self.raised += other.raised
        self.broken |= other.broken
        self.continued |= other.continued
        self.seen |= other.seen


@dataclass(frozen=True)
class Flow:
    """The control flow of a file's functions."""

    code: Code
    objects: StageObjects
    neighbours: frozenset[str] = frozenset()

    @cached_property
    def finalizing(self) -> frozenset[str]:
        """The functions that finalize the StageIO however they go, those of neighbours as well."""
        names = self.neighbours
        while True:
            more = frozenset(
                node.name
                for node in self.code.nodes
                if isinstance(node, ast.FunctionDef) and self._always_finalizes(node, names)
            )
            if more <= names:
                return names
            names |= more

    def ways_out(self, function: Function | ast.Module) -> Ways:
        """The ways out of a function or of the file itself."""
        walk = _Walk(self.code, self.objects, self.finalizing)
        return walk.statements(function.body, {Condition.BEFORE})

    def _always_finalizes(self, function: Function, known: frozenset[str]) -> bool:
        calls = [node for node in own_nodes(function) if isinstance(node, ast.Call)]
        if not any(self.objects.is_finalize(call) or last_name(call) in known for call in calls):
            return False
        walk = _Walk(self.code, self.objects, known)
        ways = walk.statements(function.body, {Condition.OPEN})
        return ways.end | {condition for _, condition in ways.left} <= {Condition.FINAL}


@dataclass(frozen=True)
class _Walk:
    code: Code
    objects: StageObjects
    finalizing: frozenset[str]

    def statements(self, body: Sequence[ast.stmt], conditions: set[Condition]) -> Ways:
        ways = Ways(end=set(conditions))
        for statement in body:
            if not ways.end:
                break
            ways.seen |= ways.end
            one = self._statement(statement, ways.end)
            ways.take(one)
            ways.end = one.end
        return ways

    def _statement(self, node: ast.stmt, conditions: set[Condition]) -> Ways:
        match node:
            case ast.Return(value=value):
                return _leaving(node, self._expressions(node, [value], conditions))
            case ast.Raise(exc=problem):
                ways: list[Way] = [(node, condition) for condition in conditions]
                return Ways(left=ways) if self._is_exit(problem) else Ways(raised=ways)
            case ast.Break():
                return Ways(broken=set(conditions))
            case ast.Continue():
                return Ways(continued=set(conditions))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return Ways(end=set(conditions))
            case _:
                return self._compound(node, conditions)

    def _is_exit(self, problem: ast.expr | None) -> bool:
        kind = problem.func if isinstance(problem, ast.Call) else problem
        return kind is not None and self.code.dotted(kind) == "SystemExit"

    def _compound(self, node: ast.stmt, conditions: set[Condition]) -> Ways:
        match node:
            case ast.If(test=test, body=body, orelse=orelse):
                return self._branches(node, test, [body, orelse], conditions)
            case ast.Match(subject=subject, cases=cases):
                rest: list[list[ast.stmt]] = [] if any(map(_takes_all, cases)) else [[]]
                bodies = [*(case.body for case in cases), *rest]
                return self._branches(node, subject, bodies, conditions)
            case ast.While() | ast.For() | ast.AsyncFor():
                return self._loop(node, conditions)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                opened = [item.context_expr for item in items]
                return self._then(self._expressions(node, opened, conditions), body)
            case ast.Try() | ast.TryStar():
                return self._try(node, conditions)
            case _:
                return self._expressions(node, [node], conditions)

    def _then(self, ways: Ways, body: Sequence[ast.stmt]) -> Ways:
        after = self.statements(body, ways.end)
        ways.take(after)
        ways.end = after.end
        return ways

    def _branches(
        self,
        node: ast.stmt,
        test: ast.expr,
        bodies: Iterable[Sequence[ast.stmt]],
        conditions: set[Condition],
    ) -> Ways:
        ways = self._expressions(node, [test], conditions)
        ends: set[Condition] = set()
        for body in bodies:
            one = self.statements(body, ways.end)
            ways.take(one)
            ends |= one.end
        ways.end = ends
        return ways

    def _loop(self, node: ast.While | ast.For | ast.AsyncFor, conditions: set[Condition]) -> Ways:
        head = node.test if isinstance(node, ast.While) else node.iter
        ways = self._expressions(node, [head], conditions)
        around = set(ways.end)
        while True:
            once = self.statements(node.body, around)
            if once.end | once.continued <= around:
                break
            around |= once.end | once.continued
        ways.seen |= once.seen
        ways.left += once.left
        ways.raised += once.raised
        for_ever = isinstance(node, ast.While) and _is_true(node.test)
        rest = self.statements(node.orelse, set() if for_ever else around)
        ways.take(rest)
        ways.end = rest.end | once.broken
        return ways

    def _try(self, node: ast.Try | ast.TryStar, conditions: set[Condition]) -> Ways:
        body = self.statements(node.body, conditions)
        # Any statement may raise what a handler was written for.
        caught = {condition for _, condition in body.raised} | body.seen
        ways = Ways()
        if not any(is_broad(self.code, handler) for handler in node.handlers):
            ways.raised += body.raised
        body.raised = []
        ends = self._then(body, node.orelse)
        ways.take(ends)
        ways.end = ends.end
        for handler in node.handlers:
            one = self.statements(handler.body, caught)
            ways.take(one)
            ways.end |= one.end
        return self._finally(node.finalbody, ways) if node.finalbody else ways

    def _finally(self, body: Sequence[ast.stmt], ways: Ways) -> Ways:
        """What a ``finally`` makes of every way that leads through it."""
        through = Ways()
        for condition in Condition:
            nodes = {
                kind: [node for node, reached in getattr(ways, kind) if reached is condition]
                for kind in ("left", "raised")
            }
            kinds = [
                kind for kind in ("end", "broken", "continued") if condition in getattr(ways, kind)
            ]
            if not kinds and not any(nodes.values()):
                continue
            after = self.statements(body, {condition})
            through.left += after.left
            through.raised += after.raised
            for kind in kinds:
                getattr(through, kind).update(after.end)
            for kind, found in nodes.items():
                getattr(through, kind).extend((node, end) for node in found for end in after.end)
        return through

    def _expressions(
        self, statement: ast.stmt, parts: Iterable[ast.AST | None], conditions: set[Condition]
    ) -> Ways:
        ways = Ways(end=set(conditions))
        for part in parts:
            for call in _calls_in_order(part):
                self._call(statement, call, ways)
        return ways

    def _call(self, statement: ast.stmt, call: ast.Call, ways: Ways) -> None:
        name = self.code.dotted(call.func)
        if name in LEAVING:
            _leaving(statement, ways)
        elif call in self.objects.creations:
            ways.raised += [(call, condition) for condition in ways.end]
            ways.end = {Condition.OPEN} if ways.end else set()
        elif self.objects.is_finalize(call) or last_name(call) in self.finalizing:
            ways.end = {Condition.FINAL if item is Condition.OPEN else item for item in ways.end}
        elif not self._is_harmless(call):
            ways.raised += [(call, condition) for condition in ways.end]

    def _is_harmless(self, call: ast.Call) -> bool:
        """Whether a call is one that does not raise: of the logger, or StageIO's own notes."""
        is_method = isinstance(call.func, ast.Attribute) and call.func.attr in HARMLESS_METHODS
        is_told = self.objects.is_log_call(call) or self.objects.is_io_call(call, *NOTES)
        return is_method or is_told or self.code.dotted(call.func) in HARMLESS


def last_name(call: ast.Call) -> str | None:
    """The name of what is called, without the module or the object that has it."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return None


def _leaving(node: ast.AST, ways: Ways) -> Ways:
    ways.left += [(node, condition) for condition in ways.end]
    ways.end = set()
    return ways


def is_broad(code: Code, handler: ast.ExceptHandler) -> bool:
    """Whether a handler catches every exception that a program should survive."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or code.dotted(kind) in BROAD for kind in kinds)


def _takes_all(case: ast.match_case) -> bool:
    return case.guard is None and isinstance(case.pattern, ast.MatchAs) and not case.pattern.pattern


def _is_true(test: ast.expr) -> bool:
    return isinstance(test, ast.Constant) and bool(test.value)


def _calls_in_order(part: ast.AST | None) -> list[ast.Call]:
    """Calls as they are evaluated: arguments before the call that takes them."""
    if part is None or isinstance(part, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    found = [call for child in ast.iter_child_nodes(part) for call in _calls_in_order(child)]
    return [*found, part] if isinstance(part, ast.Call) else found
