"""Which names in a stage's code are a StageIO, a stage's logger or its configuration."""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from runner.compliance.code import Code

STAGE_IO = "StageIO"
LOG_METHODS = frozenset(
    {"debug", "info", "warning", "error", "exception", "critical", "log", "warn", "fatal"}
)
FINALIZERS = frozenset({"finalize", "finalize_stage_manifest"})


@dataclass(frozen=True)
class StageObjects:
    """The names by which a file knows the objects of a stage."""

    code: Code

    @cached_property
    def creations(self) -> tuple[ast.Call, ...]:
        """Every call that makes a StageIO."""
        return tuple(call for call in self.code.calls if self._names_stage_io(call.func))

    @cached_property
    def ios(self) -> frozenset[str]:
        """Names of StageIO objects: assigned, or parameters that are annotated or called ``io``."""
        assigned = _assigned(self.code, lambda value: value in self.creations)
        annotated = {
            node.arg
            for node in self.code.nodes
            if isinstance(node, ast.arg)
            and (self._annotated(node, STAGE_IO) or (node.arg == "io" and node.annotation is None))
        }
        return _with_aliases(self.code, assigned | annotated)

    @cached_property
    def loggers(self) -> frozenset[str]:
        """Names of the stage's loggers."""
        assigned = _assigned(
            self.code,
            lambda value: (
                self.is_io_call(value, "get_stage_logger")
                or self._calls(value, "shared.logger.get_logger")
            ),
        )
        parameters = {
            node.arg
            for node in self.code.nodes
            if isinstance(node, ast.arg)
            and (self._annotated(node, "Logger") or node.arg in {"logger", "log"})
        }
        return _with_aliases(self.code, assigned | parameters)

    @cached_property
    def configs(self) -> frozenset[str]:
        """Names of configurations."""
        assigned = _assigned(
            self.code, lambda value: self._calls(value, "shared.config.load_config")
        )
        parameters = {
            node.arg
            for node in self.code.nodes
            if isinstance(node, ast.arg)
            and (self._annotated(node, "Config") or (node.arg == "config" and not node.annotation))
        }
        return _with_aliases(self.code, assigned | parameters)

    def is_io_call(self, node: ast.AST | None, *methods: str) -> bool:
        """Whether a node is a call of one of these methods of a StageIO."""
        match node:
            case ast.Call(func=ast.Attribute(value=value, attr=method)):
                return method in methods and name_of(value) in self.ios
            case _:
                return False

    def is_config(self, node: ast.AST) -> bool:
        """Whether an expression is the stage's configuration."""
        return name_of(node) in self.configs or self._calls(node, "shared.config.load_config")

    def is_logger(self, node: ast.AST) -> bool:
        """Whether an expression is a logger of the stage."""
        return name_of(node) in self.loggers or self.is_io_call(node, "get_stage_logger")

    def is_log_call(self, node: ast.AST, *methods: str) -> bool:
        """Whether a node is a call of a stage logger, of one of these methods if any are given."""
        match node:
            case ast.Call(func=ast.Attribute(value=logger, attr=method)):
                return self.is_logger(logger) and method in (methods or LOG_METHODS)
            case _:
                return False

    def is_finalize(self, node: ast.AST) -> bool:
        """Whether a node says how the stage ended."""
        return self.is_io_call(node, *FINALIZERS)

    def _names_stage_io(self, function: ast.expr) -> bool:
        dotted = self.code.dotted(function)
        return dotted is not None and dotted.rpartition(".")[2] == STAGE_IO

    def _calls(self, node: ast.AST, dotted: str) -> bool:
        return isinstance(node, ast.Call) and self.code.dotted(node.func) == dotted

    @staticmethod
    def _annotated(node: ast.arg, name: str) -> bool:
        if node.annotation is None:
            return False
        text = ast.unparse(node.annotation).strip("\"'")
        return text.rpartition(".")[2] == name


def name_of(node: ast.AST | None) -> str | None:
    """What an object is called: ``io``, or ``self.io`` in a class."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            return f"self.{name}"
        case _:
            return None


def _with_aliases(code: Code, names: set[str]) -> frozenset[str]:
    """Names of objects, and those under which they are known after ``self.io = io``."""
    known = set(names)
    while more := _assigned(code, lambda value: name_of(value) in known) - known:
        known.update(more)
    return frozenset(known)


def _assigned(code: Code, fits: Callable[[ast.AST], bool]) -> set[str]:
    found = set()
    for node in code.nodes:
        targets: list[ast.expr | None] = []
        match node:
            case ast.Assign(targets=several, value=value) if fits(value):
                targets = [*several]
            case ast.AnnAssign(target=target, value=value) if value and fits(value):
                targets = [target]
            case ast.NamedExpr(target=target, value=value) if fits(value):
                targets = [target]
            case ast.withitem(context_expr=value, optional_vars=variable) if fits(value):
                targets = [variable]
            case _:
                continue
        found |= {name for target in targets if (name := name_of(target))}
    return found
