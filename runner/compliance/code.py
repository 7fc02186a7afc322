"""A Python file as the rules see it: its tree, and what the names in it stand for."""

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

Function = ast.FunctionDef | ast.AsyncFunctionDef
LONGEST_NAME: Final = 20
"""Parts of a dotted name; what is longer is no name that a rule knows."""


class UnreadableCodeError(Exception):
    """A file is no Python; ``line`` and ``column`` are where, counted from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


@dataclass(frozen=True)
class Code:
    """A file of Python."""

    path: Path
    text: str
    tree: ast.Module

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes, outer ones first."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def parents(self) -> Mapping[ast.AST, ast.AST]:
        """The node around each node."""
        return {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """First and last line of every statement; of one with a body, those of its head."""
        return [
            _span(node) for node in self.nodes if isinstance(node, ast.stmt | ast.ExceptHandler)
        ]

    @cached_property
    def functions(self) -> Mapping[str, Function]:
        """The functions at the file's top level, by name."""
        return {
            item.name: item
            for item in self.tree.body
            if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
        }

    @cached_property
    def called(self) -> Mapping[str, Function]:
        """Functions and methods by what calls name them, nested ones too: ``a``, ``self.a``."""
        found: dict[str, list[Function]] = {}
        for node in self.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                is_method = isinstance(self.parents.get(node), ast.ClassDef)
                found.setdefault(f"self.{node.name}" if is_method else node.name, []).append(node)
        return {name: several[0] for name, several in found.items() if len(several) == 1}

    def function_called(self, call: ast.Call) -> Function | None:
        """The file's own function that a call calls, or a method of an object that it made."""
        match call.func:
            case ast.Name(id=name):
                return self.called.get(name)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return self.called.get(f"self.{name}")
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                function = self.called.get(f"self.{name}")
                made = self.assigned.get(owner, ())
                if function is None or len(made) != 1 or not self._makes(made[0], function):
                    return None
                return function
            case _:
                return None

    def _makes(self, value: ast.expr, method: Function) -> bool:
        """Whether an expression makes an object of the class that has a method."""
        kind = self.parents.get(method)
        if not isinstance(value, ast.Call) or not isinstance(kind, ast.ClassDef):
            return False
        return self.dotted(value.func) == kind.name

    @cached_property
    def imported(self) -> Mapping[str, str]:
        """For each name that an import binds, what it stands for: ``os.path``, ``os.environ``."""
        found: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    whole = alias.name if alias.asname else alias.name.partition(".")[0]
                    found[alias.asname or whole] = whole
            elif isinstance(node, ast.ImportFrom) and not node.level:
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return found

    @cached_property
    def calls(self) -> tuple[ast.Call, ...]:
        """All calls."""
        return tuple(node for node in self.nodes if isinstance(node, ast.Call))

    def function_of(self, node: ast.AST) -> Function | None:
        """The innermost function that a node stands in."""
        while (outer := self.parents.get(node)) is not None:
            if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
                return outer
            node = outer
        return None

    def dotted(self, node: ast.AST) -> str | None:
        """What an expression names, imports followed: ``environ.get`` is ``os.environ.get``."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute) and len(parts) < LONGEST_NAME:
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        return ".".join([self.imported.get(node.id, node.id), *reversed(parts)])

    @cached_property
    def assigned(self) -> Mapping[str, tuple[ast.expr, ...]]:
        """Everything that is assigned to each name, anywhere in the file."""
        found: dict[str, tuple[ast.expr, ...]] = {}
        for node in self.nodes:
            for name, value in _assignments(node):
                found[name] = (*found.get(name, ()), value)
        return found

    def is_rebound(self, name: str) -> bool:
        """Whether the file gives a built-in name a meaning of its own."""
        return name in self.imported or any(
            _binds(node, name)
            for node in self.nodes
            if not isinstance(self.parents.get(node), ast.ClassDef)
        )


def _binds(node: ast.AST, name: str) -> bool:
    match node:
        case ast.Name(id=bound, ctx=ast.Store()) | ast.arg(arg=bound):
            return bound == name
        case ast.FunctionDef(name=bound) | ast.AsyncFunctionDef(name=bound):
            return bound == name
        case _:
            return False


def _assignments(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((item.id, value) for item in targets if isinstance(item, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
            yield name, value
        case _:
            pass


def _span(node: ast.stmt | ast.ExceptHandler) -> tuple[int, int]:
    first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    if not body:
        return first, node.end_lineno or node.lineno
    head = getattr(body[0], "lineno", None) or getattr(body[0], "pattern", node).lineno
    return first, max(node.lineno, head - 1)


def own_nodes(root: ast.AST) -> Iterator[ast.AST]:
    """The nodes below a function or a file that are no other function's."""
    waiting = list(ast.iter_child_nodes(root))
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting[:0] = ast.iter_child_nodes(node)


def last_name(call: ast.Call) -> str | None:
    """The name of what is called, without the module or the object that has it."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return None


def calls_in_order(part: ast.AST | None) -> list[ast.Call]:
    """Calls as they are evaluated: arguments before the call that takes them."""
    if part is None or isinstance(part, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    found = [call for child in ast.iter_child_nodes(part) for call in calls_in_order(child)]
    return [*found, part] if isinstance(part, ast.Call) else found


def read_code(path: Path) -> Code:
    """Read a file. Raises UnreadableCodeError."""
    try:
        data = path.read_bytes()
    except OSError as problem:
        message = f"cannot be read: {problem.strerror}"
        raise UnreadableCodeError(message) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(data, filename=str(path))
        text = _text(data)
    except SyntaxError as problem:
        message = f"is no Python: {problem.msg}"
        line, column = problem.lineno or 1, problem.offset or 1
        raise UnreadableCodeError(message, line, column) from None
    except (ValueError, LookupError) as problem:
        message = f"is no Python: {problem}"
        raise UnreadableCodeError(message) from None
    except (RecursionError, MemoryError):
        message = "is nested too deep to be read"
        raise UnreadableCodeError(message) from None
    return Code(path, text, tree)


def _text(data: bytes) -> str:
    import io
    import tokenize

    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
