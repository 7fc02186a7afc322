"""What names lead to in one function, for each way in which the file calls it."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from runner.compliance.code import Function, own_nodes
from runner.compliance.place import Kind, Place
from runner.compliance.stage_objects import name_of

MOST_WAYS: Final = 16
"""Calls of one function with different places; of more, only that in which all agree is kept."""


@dataclass(frozen=True)
class Handed:
    """The places that a function's parameters have in some call; None without one."""

    places: Mapping[str, Place] = field(default_factory=dict)
    call: ast.Call | None = None


@dataclass(frozen=True)
class Scope:
    """The places of a function's names: what it begins with, and what each line binds."""

    known: Mapping[str, Place]
    call: ast.Call | None = None
    bound: dict[str, list[tuple[int, Place | None]]] = field(default_factory=dict)

    def bind(self, name: str, line: int, place: Place | None) -> None:
        """From that line on a name leads to a place, or to nobody knows where."""
        self.bound.setdefault(name, []).append((line, place))

    def at(self, line: int) -> Mapping[str, Place]:
        """The places of names in a line; of one that is bound later only, what it is then."""
        places = dict(self.known)
        for name, several in self.bound.items():
            before = [place for bound, place in several if bound < line]
            place = before[-1] if before else places.get(name) or several[0][1]
            places.pop(name, None)
            if place is not None:
                places[name] = place
        return places


def different(ways: Iterable[Handed]) -> tuple[Handed, ...]:
    """The ways in which a function is called, each once."""
    found: dict[frozenset[tuple[str, Place]], Handed] = {}
    for way in ways:
        found.setdefault(frozenset(way.places.items()), way)
    several = tuple(found.values())
    if len(several) > MOST_WAYS:
        common = frozenset.intersection(*found)
        return (Handed(dict(common)),)
    return several or (Handed(),)


def attributes_of(scopes: Iterable[tuple[Scope, ...]]) -> dict[str, Place]:
    """The places of ``self.a`` and so on that one method sets, whoever calls it, for the others."""
    found: dict[str, set[Place | None]] = {}
    for scope in (scope for ways in scopes for scope in ways):
        for name, several in scope.bound.items():
            if name.startswith("self."):
                found.setdefault(name, set()).update(place for _, place in several)
    return {
        name: place
        for name, places in found.items()
        if len(places) == 1 and (place := next(iter(places))) is not None
    }


def bindings(root: ast.AST) -> Iterable[tuple[str, ast.expr]]:
    """The names that a function or a file binds, and to what."""
    for node in own_nodes(root):
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                pairs = zip(names, values, strict=False)
                yield from ((name, value) for item, value in pairs if (name := name_of(item)))
            case ast.Assign(targets=targets, value=value):
                yield from ((name, value) for item in targets if (name := name_of(item)))
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
                yield name, value
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                yield name, value
            case ast.withitem(context_expr=value, optional_vars=ast.Name(id=name)):
                yield name, value
            case ast.For(target=target, iter=value):
                yield from looped(target, value)
            case _:
                pass


def looped(target: ast.expr, items: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """The variable of a loop that leads somewhere, and what it goes through."""
    match target, items:
        case ast.Name(id=name), _:
            yield name, items
        case ast.Tuple(elts=[_, ast.Name(id=name)]), ast.Call(func=ast.Attribute(attr="items")):
            yield name, items
        case (
            ast.Tuple(elts=[_, ast.Name(id=name)]),
            ast.Call(func=ast.Name(id="enumerate"), args=[numbered, *_]),
        ):
            yield name, numbered
        case _:
            pass


def arguments(function: Function, call: ast.Call) -> Iterable[tuple[str, ast.expr]]:
    """The parameters that a call gives, and what it gives for them."""
    names = [item.arg for item in (*function.args.posonlyargs, *function.args.args)]
    is_method = isinstance(call.func, ast.Attribute)
    names = names[1:] if is_method and names[:1] == ["self"] else names
    yield from zip(names, call.args, strict=False)
    yield from ((item.arg, item.value) for item in call.keywords if item.arg)


def job_of(function: Function) -> dict[str, Place]:
    """The parameter that is the job's folder wherever a stage has one."""
    named = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    return {item.arg: Place(Kind.JOB) for item in named if item.arg == "job_dir"}
