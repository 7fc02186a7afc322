"""The values that an expression may have, as far as they are written in the file.

A name stands for what the loop around it goes through, or for what is assigned to it once.
"""

import ast
import itertools
from collections.abc import Iterator
from typing import Final

from runner.compliance.code import Code
from runner.compliance.scope import arguments, looped

DEEPEST: Final = 8
"""Names that stand for names; what is further away is not looked for."""

MOST_TEXTS: Final = 64
SAME_ITEMS: Final = frozenset({"dict", "frozenset", "list", "reversed", "set", "sorted", "tuple"})
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def values_of(code: Code, node: ast.AST | None) -> tuple[object, ...]:
    """The values that an expression may have; none where the file does not tell."""
    return tuple(found.value for found in constants_of(code, node))


def constants_of(code: Code, node: ast.AST | None) -> tuple[ast.Constant, ...]:
    """The places in the file where these values are written."""
    return tuple(_constants(code, node, DEEPEST))


def texts_of(code: Code, node: ast.AST | None) -> tuple[str, ...]:
    """The texts that an expression may be; none where a part of it is not known."""
    parts = [_texts(code, part) for part in _pieces(node)]
    if not parts:
        return ()
    several = itertools.islice(itertools.product(*parts), MOST_TEXTS)
    return tuple("".join(pieces) for pieces in several)


def _pieces(node: ast.AST | None) -> list[ast.AST]:
    match node:
        case ast.JoinedStr(values=values):
            return [*values]
        case None:
            return []
        case _:
            return [node]


def _texts(code: Code, node: ast.AST) -> list[str]:
    value = node
    if isinstance(node, ast.FormattedValue):
        if node.format_spec is not None:
            return []
        value = node.value
    return [item for item in values_of(code, value) if isinstance(item, str)]


def _constants(code: Code, node: ast.AST | None, depth: int) -> Iterator[ast.Constant]:
    match node:
        case ast.Constant():
            yield node
        case ast.IfExp(body=body, orelse=orelse):
            yield from _constants(code, body, depth)
            yield from _constants(code, orelse, depth)
        case ast.Name() if depth:
            for source in _sources(code, node, depth - 1):
                yield from _constants(code, source, depth - 1)
        case _:
            pass


def _sources(code: Code, name: ast.Name, depth: int) -> list[ast.AST]:
    """What a name stands for: the items of a loop, or what is assigned to it and nothing else."""
    inner: ast.AST = name
    while (around := code.parents.get(inner)) is not None:
        for target, items in _loops(around):
            if inner is not items and _binds(target, name.id):
                return list(_looped(code, target, items, name.id, depth))
        if isinstance(around, FUNCTIONS) and _takes(around, name.id):
            return []
        inner = around
    assigned = code.assigned.get(name.id, ())
    return [*assigned] if len(assigned) == 1 else []


def _loops(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    if isinstance(node, ast.For | ast.AsyncFor):
        yield node.target, node.iter
    elif isinstance(node, COMPREHENSIONS):
        yield from ((item.target, item.iter) for item in node.generators)


def _binds(target: ast.expr, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(target))


def _takes(function: ast.AST, name: str) -> bool:
    arguments = getattr(function, "args", None)
    return any(
        isinstance(node, ast.arg) and node.arg == name for node in ast.walk(arguments or function)
    )


def _looped(
    code: Code, target: ast.expr, items: ast.expr, name: str, depth: int
) -> Iterator[ast.AST]:
    """What a loop's variable goes through, one that stands in a tuple as well."""
    if isinstance(target, ast.Name):
        yield from _items(code, items, depth)
        return
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else []
    place = next((at for at, part in enumerate(parts) if _binds(part, name)), None)
    if place is None:
        return
    match items:
        case ast.Call(func=ast.Name(id="enumerate"), args=[numbered, *_]) if place == 1:
            yield from _looped(code, parts[1], numbered, name, depth)
        case ast.Call(func=ast.Name(id="zip"), args=columns) if place < len(columns):
            yield from _looped(code, parts[place], columns[place], name, depth)
        case ast.Call(func=ast.Attribute(value=mapping, attr="items"), args=[]):
            yield from _entries(code, mapping, place, depth)
        case _:
            for row in _items(code, items, depth):
                if isinstance(row, ast.Tuple | ast.List) and place < len(row.elts):
                    yield row.elts[place]


def _entries(code: Code, mapping: ast.AST, place: int, depth: int) -> Iterator[ast.AST]:
    for found in _resolved(code, mapping, depth):
        if isinstance(found, ast.Dict):
            several = found.values if place else found.keys
            yield from (item for item in several if item is not None)


def _items(code: Code, node: ast.AST, depth: int) -> Iterator[ast.AST]:
    """What a loop over an expression goes through."""
    match node:
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            yield from items
        case ast.Dict():
            yield from _entries(code, node, 0, depth)
        case ast.Call(func=ast.Name(id=function), args=[items, *_]) if function in SAME_ITEMS:
            yield from _items(code, items, depth)
        case ast.Call(func=ast.Attribute(value=mapping, attr="keys" | "values" as part)):
            yield from _entries(code, mapping, int(part == "values"), depth)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from _items(code, left, depth)
            yield from _items(code, right, depth)
        case ast.Name():
            for found in _resolved(code, node, depth):
                yield from _items(code, found, depth - 1)
        case _:
            pass


def _resolved(code: Code, node: ast.AST, depth: int) -> list[ast.AST]:
    if not isinstance(node, ast.Name):
        return [node]
    return _sources(code, node, depth - 1) if depth > 0 else []


def comprehended(code: Code, name: ast.Name) -> ast.expr | None:
    """What the comprehension around a name goes through, where that is its variable."""
    inner: ast.AST = name
    while (around := code.parents.get(inner)) is not None and not isinstance(around, ast.stmt):
        for target, items in _loops(around):
            found = dict(looped(target, items)).get(name.id)
            if found is not None and items is not inner:
                return found
        inner = around
    return None


def given_constants(code: Code, name: ast.AST) -> Iterator[ast.Constant]:
    """What calls of a function give for a parameter of it."""
    function = code.function_of(name)
    if not isinstance(name, ast.Name) or function is None:
        return
    for call in code.calls:
        if code.function_called(call) is function:
            for parameter, value in arguments(function, call):
                if parameter == name.id:
                    yield from constants_of(code, value)
