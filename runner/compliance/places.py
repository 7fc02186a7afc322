"""Where in the world a path leads that a stage's code makes, as far as the code tells."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from runner.compliance.code import Code, Function, own_nodes
from runner.compliance.place import ANYTHING, Kind, Place, Scope, above, literal
from runner.compliance.stage_objects import StageObjects, name_of

SCRATCH: Final = ".cache"
LAST_LINE: Final = 1 << 30
ROUNDS: Final = 3
"""Functions that call each other; what a deeper chain hands on stays unknown."""

LISTED: Final = frozenset({"glob", "rglob", "iterdir"})
SAME_PLACE: Final = frozenset({"resolve", "absolute", "expanduser", "as_posix", "__fspath__"})
SIBLING: Final = frozenset({"with_suffix", "with_name", "with_stem"})
WRAPPERS: Final = frozenset(
    {
        "str",
        "sorted",
        "list",
        "reversed",
        "pathlib.Path",
        "pathlib.PurePath",
        "pathlib.PosixPath",
        "os.fspath",
        "os.fsdecode",
    }
    | {f"os.path.{name}" for name in ("abspath", "expanduser", "join", "normpath", "realpath")}
)
TEMPORARY_MAKERS: Final = frozenset(
    f"tempfile.{name}"
    for name in (
        "mkstemp", "mkdtemp", "gettempdir", "NamedTemporaryFile", "TemporaryFile",
        "TemporaryDirectory", "SpooledTemporaryFile",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Places:
    """The places of one file's paths; ``stage_id`` is the stage's own folder, where it is known."""

    code: Code
    objects: StageObjects
    stage_id: str | None = None

    @cached_property
    def scopes(self) -> Mapping[ast.AST, Scope]:
        """For each function, and for the file, the places of its names."""
        functions = [
            node
            for node in self.code.nodes
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        handed: dict[ast.AST, dict[str, Place]] = {}
        scopes: dict[ast.AST, Scope] = {}
        for _ in range(ROUNDS):
            top = self._scope(self.code.tree, {})
            scopes = {self.code.tree: top}
            for function in functions:
                known = {**top.at(LAST_LINE), **_job_of(function), **handed.get(function, {})}
                scopes[function] = self._scope(function, known)
            handed = self._handed(scopes)
        return scopes

    def of(self, node: ast.AST) -> Place | None:
        """Where an expression of the code leads; None where nothing tells."""
        scope = self.scopes[self.code.function_of(node) or self.code.tree]
        return self._place(node, scope.at(getattr(node, "lineno", LAST_LINE)))

    def _scope(self, root: ast.AST, known: Mapping[str, Place]) -> Scope:
        scope = Scope(dict(known))
        for name, value in _bindings(root):
            line = getattr(value, "end_lineno", 0) or 0
            scope.bind(name, line, self._place(value, scope.at(line)))
        return scope

    def _handed(self, scopes: Mapping[ast.AST, Scope]) -> dict[ast.AST, dict[str, Place]]:
        """The places that calls hand to the file's own functions, where all calls agree."""
        found: dict[ast.AST, dict[str, Place | None]] = {}
        for call in self.code.calls:
            name = call.func.id if isinstance(call.func, ast.Name) else None
            function = self.code.functions.get(name or "")
            if function is None:
                continue
            scope = scopes[self.code.function_of(call) or self.code.tree].at(call.lineno)
            taken = found.setdefault(function, {})
            for parameter, value in _arguments(function, call):
                place = self._place(value, scope)
                taken[parameter] = place if taken.get(parameter, place) == place else None
        return {
            function: {name: place for name, place in taken.items() if place is not None}
            for function, taken in found.items()
        }

    def _place(self, node: ast.AST, scope: Mapping[str, Place]) -> Place | None:
        match node:
            case ast.Name(id=name):
                return scope.get(name)
            case ast.Attribute():
                return self._attribute(node, scope)
            case ast.Call():
                return self._call(node, scope)
            case ast.IfExp(body=body, orelse=orelse):
                one, other = self._place(body, scope), self._place(orelse, scope)
                return one if one == other else None
            case _:
                return self._composed(node, scope)

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
            case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
                return literal(text + ANYTHING)
            case _:
                return None

    def _attribute(self, node: ast.Attribute, scope: Mapping[str, Place]) -> Place | None:
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
            "get_input_path": Place(Kind.INPUT, (_text(name),)),
            "load_json": Place(Kind.INPUT, (_text(name),)),
            "get_output_path": self._from(Place(Kind.STAGE), _parts(name)),
            "save_json": self._from(Place(Kind.STAGE), _parts(file)),
            "copy_to_base": Place(Kind.JOB, (_text(name),)),
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
            pattern = _parts(node.args[0]) if node.args else [ANYTHING]
            return self._from(place, pattern)
        if function.attr in SIBLING:
            return self._from(place, ["..", ANYTHING])
        return place if function.attr in SAME_PLACE else None

    def _joined(
        self, place: Place | None, names: Iterable[ast.AST], scope: Mapping[str, Place]
    ) -> Place | None:
        for name in names:
            if isinstance(name, ast.Name) and name.id == "stage_name" and place == Place(Kind.JOB):
                place = Place(Kind.STAGE)
                continue
            there = self._place(name, scope)
            if there is not None and there.kind is not Kind.RELATIVE:
                place = there
            else:
                place = self._from(place, _parts(name))
        return place

    def _extended(self, place: Place | None, more: ast.AST) -> Place | None:
        """A path as text with text behind it: the last part, and what it goes on with."""
        text = _text(more)
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


def _job_of(function: Function) -> dict[str, Place]:
    arguments = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    return {item.arg: Place(Kind.JOB) for item in arguments if item.arg == "job_dir"}


def _text(node: ast.AST | None) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_text(value) for value in values)
        case _:
            return ANYTHING


def _parts(node: ast.AST | None) -> list[str]:
    return _text(node).split("/")


def _bindings(root: ast.AST) -> Iterable[tuple[str, ast.expr]]:
    for node in own_nodes(root):
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from ((item.id, value) for item in targets if isinstance(item, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
                yield name, value
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                yield name, value
            case ast.withitem(context_expr=value, optional_vars=ast.Name(id=name)):
                yield name, value
            case ast.For(target=ast.Name(id=name), iter=value):
                yield name, value
            case _:
                pass


def _arguments(function: Function, call: ast.Call) -> Iterable[tuple[str, ast.expr]]:
    names = [item.arg for item in (*function.args.posonlyargs, *function.args.args)]
    yield from zip(names, call.args, strict=False)
    yield from ((item.arg, item.value) for item in call.keywords if item.arg)
