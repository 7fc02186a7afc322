"""Where in the world a path leads that a stage's code makes, as far as the code tells."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from runner.compliance.code import Code
from runner.compliance.place import (
    ANYTHING,
    TEMPORARY_MAKERS,
    Kind,
    Place,
    above,
    common,
    literal,
)
from runner.compliance.scope import (
    Handed,
    Scope,
    arguments,
    attributes_of,
    bindings,
    different,
    job_of,
)
from runner.compliance.stage_objects import StageObjects, name_of
from runner.compliance.text import parts_of, text_of
from runner.compliance.values import comprehended, texts_of

SCRATCH: Final = ".cache"
LAST_LINE: Final = 1 << 30
ROUNDS: Final = 3
"""Functions that call each other; what a deeper chain hands on stays unknown."""

LISTED: Final = frozenset({"glob", "rglob", "iterdir"})
SAME_PLACE: Final = frozenset({"resolve", "absolute", "expanduser", "as_posix", "__fspath__"})
VALUES: Final = frozenset({"items", "values"})
SIBLING: Final = frozenset({"with_suffix", "with_name", "with_stem"})
WRAPPERS: Final = frozenset(
    {"str", "sorted", "list", "reversed", "os.fspath", "os.fsdecode"}
    | {f"pathlib.{name}" for name in ("Path", "PurePath", "PosixPath")}
    | {f"os.path.{name}" for name in ("abspath", "expanduser", "join", "normpath", "realpath")}
)


@dataclass(frozen=True)
class Places:
    """The places of one file's paths; ``stage_id`` is the stage's own folder, where it is known."""

    code: Code
    objects: StageObjects
    stage_id: str | None = None

    @cached_property
    def scopes(self) -> Mapping[ast.AST, tuple[Scope, ...]]:
        """For each function, and for the file, the places of its names, by the way it is called."""
        functions = [
            node
            for node in self.code.nodes
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        handed: dict[ast.AST, tuple[Handed, ...]] = {}
        scopes: dict[ast.AST, tuple[Scope, ...]] = {}
        attributes: dict[str, Place] = {}
        for _ in range(ROUNDS):
            top = self._scope(self.code.tree, Handed())
            scopes = {self.code.tree: (top,)}
            for function in functions:
                around = scopes[self.code.function_of(function) or self.code.tree]
                names = around[0] if len(around) == 1 else top
                outer = {**names.at(LAST_LINE), **attributes, **job_of(function)}
                scopes[function] = tuple(
                    self._scope(function, Handed({**outer, **way.places}, way.call))
                    for way in handed.get(function, (Handed(),))
                )
            handed = self._handed(scopes)
            attributes = attributes_of(scopes.values())
        return scopes

    def of(self, node: ast.AST) -> Place | None:
        """Where an expression of the code leads; None where nothing tells, or calls differ."""
        places = {place for place, _ in self.ways(node)}
        return places.pop() if len(places) == 1 else None

    def ways(self, node: ast.AST) -> list[tuple[Place | None, ast.Call | None]]:
        """Where an expression leads, and the call by which it does, where other calls differ."""
        scopes = self.scopes[self.code.function_of(node) or self.code.tree]
        line = getattr(node, "lineno", LAST_LINE)
        found: dict[Place | None, ast.Call | None] = {}
        for scope in scopes:
            found.setdefault(self._place(node, scope.at(line)), scope.call)
        if len(found) == 1:
            return [(place, None) for place in found]
        return [*found.items()]

    def _scope(self, root: ast.AST, way: Handed) -> Scope:
        scope = Scope(way.places, way.call)
        for name, value in bindings(root):
            line = getattr(value, "end_lineno", 0) or 0
            scope.bind(name, line, self._place(value, scope.at(line)))
        return scope

    def _handed(
        self, scopes: Mapping[ast.AST, tuple[Scope, ...]]
    ) -> dict[ast.AST, tuple[Handed, ...]]:
        """The places that calls hand to the file's own functions."""
        found: dict[ast.AST, list[Handed]] = {}
        for call in self.code.calls:
            function = self.code.function_called(call)
            if function is None:
                continue
            for scope in scopes[self.code.function_of(call) or self.code.tree]:
                names = scope.at(call.lineno)
                given = {key: self._place(value, names) for key, value in arguments(function, call)}
                places = {key: place for key, place in given.items() if place is not None}
                found.setdefault(function, []).append(Handed(places, call))
        return {function: different(ways) for function, ways in found.items()}

    def _place(self, node: ast.AST, scope: Mapping[str, Place]) -> Place | None:
        match node:
            case ast.Name(id=name):
                items = comprehended(self.code, node)
                return scope.get(name) if items is None else self._place(items, scope)
            case ast.Attribute():
                return self._attribute(node, scope)
            case ast.Call():
                return self._call(node, scope)
            case ast.IfExp(body=body, orelse=orelse):
                one, other = self._place(body, scope), self._place(orelse, scope)
                return one if one == other else None
            case ast.Tuple() | ast.List() | ast.Dict() | ast.Subscript():
                return self._one_of(node, scope)
            case _:
                return self._composed(node, scope)

    def _one_of(self, node: ast.AST, scope: Mapping[str, Place]) -> Place | None:
        match node:
            case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Dict(values=items):
                return common([self._place(item, scope) for item in items])
            case ast.Subscript(value=several):
                return self._place(several, scope)
            case _:
                return None

    def _composed(self, node: ast.AST, scope: Mapping[str, Place]) -> Place | None:
        match node:
            case ast.Constant(value=str(text)):
                return literal(text)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._joined(self._place(left, scope), [right], scope)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._extended(self._place(left, scope), right)
            case ast.JoinedStr(values=[ast.FormattedValue(value=first), *rest]):
                return self._formatted(self._place(first, scope), rest)
            case ast.JoinedStr(values=[ast.Constant(), *_]):
                return literal(text_of(node))
            case _:
                return None

    def _attribute(self, node: ast.Attribute, scope: Mapping[str, Place]) -> Place | None:
        if (known := scope.get(name_of(node) or "")) is not None:
            return known
        if name_of(node.value) in self.objects.ios:
            return {
                "stage_dir": Place(Kind.STAGE),
                "job_dir": Place(Kind.JOB),
                "output_base": Place(Kind.JOB),
                "logs_dir": Place(Kind.JOB, ("logs",)),
                "stage_log": Place(Kind.OWN, ("stage.log",)),
                "manifest_path": Place(Kind.OWN, ("manifest.json",)),
            }.get(node.attr)
        if node.attr == "parent":
            return self._from(self._place(node.value, scope), [".."])
        return None

    def _call(self, node: ast.Call, scope: Mapping[str, Place]) -> Place | None:
        name, first = self.code.dotted(node.func), node.args[0] if node.args else None
        if name in TEMPORARY_MAKERS:
            return self._temporary(node, scope)
        if name in {"pathlib.Path.cwd", "os.getcwd"}:
            return Place(Kind.RELATIVE)
        if name in WRAPPERS and first is not None:
            is_code = isinstance(first, ast.Name) and first.id == "__file__"
            place = Place(Kind.CODE) if is_code else self._place(first, scope)
            return self._joined(place, node.args[1:], scope)
        if name == "os.path.dirname" and first is not None:
            return self._from(self._place(first, scope), [".."])
        return self._of_io(node) or self._method(node, scope)

    def _temporary(self, node: ast.Call, scope: Mapping[str, Place]) -> Place | None:
        folder = next((item.value for item in node.keywords if item.arg == "dir"), None)
        if folder is None:
            return Place(Kind.TEMPORARY)
        place = self._place(folder, scope)
        # It is gone before the stage ends.
        is_own = place is not None and place.kind is Kind.STAGE
        return Place(Kind.STAGE, (SCRATCH, ANYTHING)) if is_own else place

    def _of_io(self, node: ast.Call) -> Place | None:
        if not isinstance(node.func, ast.Attribute) or name_of(node.func.value) not in (
            self.objects.ios
        ):
            return None
        name = node.args[0] if node.args else None
        file = node.args[1] if node.args[1:] else None
        places = {
            "input": Place(Kind.INPUT, (ANYTHING,), is_tracked=True),
            "output": Place(Kind.STAGE, (ANYTHING,), is_tracked=True),
            "get_input_path": Place(Kind.INPUT, (text_of(name),)),
            "load_json": Place(Kind.INPUT, (text_of(name),)),
            "get_output_path": self._named(self._from(Place(Kind.STAGE), parts_of(name)), name),
            "save_json": self._from(Place(Kind.STAGE), parts_of(file)),
            "copy_to_base": Place(Kind.JOB, (text_of(name),)),
        }
        return places.get(node.func.attr)

    def _method(self, node: ast.Call, scope: Mapping[str, Place]) -> Place | None:
        function = node.func
        if not isinstance(function, ast.Attribute):
            return None
        place = self._place(function.value, scope)
        if function.attr == "joinpath":
            return self._joined(place, node.args, scope)
        if function.attr in LISTED:
            pattern = parts_of(node.args[0]) if node.args else [ANYTHING]
            return self._from(place, pattern)
        if function.attr in SIBLING:
            return self._from(place, ["..", ANYTHING])
        return place if function.attr in SAME_PLACE | VALUES else None

    def _joined(
        self, place: Place | None, names: Iterable[ast.AST], scope: Mapping[str, Place]
    ) -> Place | None:
        for name in names:
            if place == Place(Kind.JOB) and (known := self._in_job(name)) is not None:
                place = known
                continue
            there = self._place(name, scope)
            if there is not None and there.kind is not Kind.RELATIVE:
                place = there
                continue
            parts = there.parts if there is not None and isinstance(name, ast.Name) else ()
            place = self._named(self._from(place, parts or parts_of(name)), name)
        return place

    def _in_job(self, name: ast.AST) -> Place | None:
        """The folder of the job that a name of the stage, or a loop over names, stands for."""
        if isinstance(name, ast.Name) and name.id == "stage_name":
            return Place(Kind.STAGE)
        names = texts_of(self.code, name)
        is_other = self.stage_id is not None and any(item != self.stage_id for item in names)
        return Place(Kind.JOB, (ANYTHING,)) if is_other and len(names) > 1 else None

    def _named(self, place: Place | None, name: ast.AST | None) -> Place | None:
        """A place with all the names that its last part can have."""
        names = texts_of(self.code, name)
        return replace(place, names=names) if place is not None and place.parts else place

    def _extended(self, place: Place | None, more: ast.AST) -> Place | None:
        """A path as text with text behind it: the last part, and what it goes on with."""
        text = text_of(more)
        if place is None:
            return None
        if text.startswith("/"):
            return self._from(place, text.strip("/").split("/"))
        if not place.parts:
            return None if text.startswith(ANYTHING) else self._from(place, ["..", ANYTHING])
        return Place(place.kind, (*place.parts[:-1], place.parts[-1] + text), place.is_tracked)

    def _formatted(self, place: Place | None, rest: list[ast.expr]) -> Place | None:
        text = "".join(
            str(item.value) if isinstance(item, ast.Constant) else ANYTHING for item in rest
        )
        return self._extended(place, ast.Constant(value=text)) if text else place

    def _from(self, place: Place | None, names: Iterable[str]) -> Place | None:
        """A path from a place on; ``..`` may lead out of it, to somewhere known or unknown."""
        for name in names:
            if place is None:
                return None
            if name == "..":
                place = above(place)
            elif name not in {"", "."}:
                place = self._below(place, name)
        return place

    def _below(self, place: Place, name: str) -> Place | None:
        if place != Place(Kind.JOB):
            return Place(place.kind, (*place.parts, name))
        if name.startswith(ANYTHING):
            return None
        return Place(Kind.STAGE) if name == self.stage_id else Place(Kind.JOB, (name,))
