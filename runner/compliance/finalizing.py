"""Whether a stage says on every way out how it ended: a walk through its control flow."""

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from runner.compliance.code import Code, Function, calls_in_order, last_name, own_nodes
from runner.compliance.guard import Guard, guards_of
from runner.compliance.stage_objects import StageObjects
from runner.compliance.ways import Condition, Way, Ways

LEAVING = frozenset({"sys.exit", "exit", "quit", "os._exit"})
HARMLESS = frozenset(
    {
        "abs", "all", "any", "bool", "dict", "enumerate", "frozenset", "isinstance", "len", "list",
        "range", "repr", "round", "set", "sorted", "str", "sum", "tuple", "type", "zip",
        "collections.Counter", "collections.defaultdict", "shared.stage_warnings.warn",
        "sys.exc_info", "time.monotonic", "time.perf_counter", "time.time",
    }
)  # fmt: skip
NOTES = ("get_stage_logger", "add_error", "add_warning", "set_resources", "progress")
HARMLESS_METHODS = frozenset({"append", "items", "join", "keys", "values"})
BROAD = frozenset({"Exception", "BaseException"})


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
        walk = _Walk(self.code, self.objects, self.finalizing, guards_of(self.code))
        return walk.statements(function.body, {Condition.BEFORE})

    def _always_finalizes(self, function: Function, known: frozenset[str]) -> bool:
        walk = _Walk(self.code, self.objects, known, {})
        if not walk.finalizes(function):
            return False
        ways = walk.statements(function.body, {Condition.OPEN})
        return ways.end | {condition for _, condition in ways.left} <= {Condition.FINAL}


@dataclass(frozen=True)
class _Walk:
    code: Code
    objects: StageObjects
    finalizing: frozenset[str]
    guards: Mapping[str, Guard]
    body: Callable[[set[Condition]], Ways] | None = None
    """What the ``yield`` of a context manager stands for, in a walk through one."""

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
            case ast.Expr(value=ast.Yield()) if self.body is not None:
                return self.body(conditions)
            case ast.Return(value=value):
                return _leaving(node, self._expressions(node, [value], conditions))
            case ast.Raise(exc=problem):
                ways: list[Way] = [(node, condition) for condition in conditions]
                return Ways(left=ways) if self._is_exit(problem) else Ways(raised=ways)
            case ast.Break() | ast.Continue():
                stopped = set(conditions)
                is_break = isinstance(node, ast.Break)
                return Ways(broken=stopped) if is_break else Ways(continued=stopped)
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
            case ast.With() | ast.AsyncWith():
                return self._with(node, node.items, conditions)
            case ast.Try() | ast.TryStar():
                return self._try(node, conditions)
            case _:
                return self._expressions(node, [node], conditions)

    def _with(
        self,
        node: ast.With | ast.AsyncWith,
        items: Sequence[ast.withitem],
        conditions: set[Condition],
    ) -> Ways:
        if not items:
            return self.statements(node.body, conditions)
        opened = items[0].context_expr
        ways = self._expressions(node, [opened], conditions)
        name = last_name(opened) if isinstance(opened, ast.Call) else None
        inside = self._guarded(self.guards.get(name or ""), node, items[1:], ways.end)
        ways.take(inside)
        ways.end = inside.end
        return ways

    def _guarded(
        self,
        guard: Guard | None,
        node: ast.With | ast.AsyncWith,
        rest: Sequence[ast.withitem],
        conditions: set[Condition],
    ) -> Ways:
        """The body of a ``with``, and what its context manager makes of the ways out of it."""
        if guard is not None and guard.around:
            inner = replace(self, body=lambda reached: self._with(node, rest, reached))
            ways = inner.statements(guard.around, conditions)
            own = {item for part in guard.around for item in ast.walk(part)}
            ways.end |= {condition for way, condition in ways.left if way in own}
            ways.left = [way for way in ways.left if way[0] not in own]
            return ways
        ways = self._with(node, rest, conditions)
        if guard is not None and guard.exit is not None and self.finalizes(guard.exit):
            ways.raised = [] if guard.keeps else [(way, Condition.FINAL) for way, _ in ways.raised]
            ways.end |= {Condition.FINAL} if guard.keeps else set()
        return ways

    def finalizes(self, function: Function) -> bool:
        """Whether a function finalizes on some way."""
        calls = (node for node in own_nodes(function) if isinstance(node, ast.Call))
        return any(
            self.objects.is_finalize(item) or last_name(item) in self.finalizing for item in calls
        )

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
            for call in calls_in_order(part):
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
        # A context manager's code runs when the `with` begins, and is looked at there.
        is_made = last_name(call) in self.guards
        is_told = self.objects.is_log_call(call) or self.objects.is_io_call(call, *NOTES)
        return is_method or is_told or is_made or self.code.dotted(call.func) in HARMLESS


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
