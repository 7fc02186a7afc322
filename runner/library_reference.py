"""The parts of ``docs/stage-io.md`` that are made of the stage library's docstrings.

They stand between ``<!-- calls io: input output -->`` and ``<!-- /calls -->``, the errors between
``<!-- errors -->`` and ``<!-- /errors -->``; ``runner.schema_files`` writes them. The library is
read, never imported.
"""

import ast
import copy
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

REFERENCE: Final = Path("docs/stage-io.md")
LIBRARY: Final = Path("shared")
PART: Final = re.compile(
    r"^<!-- calls ([\w.]+): ([^>]+?) -->\n.*?^<!-- /calls -->$", re.MULTILINE | re.DOTALL
)
ERRORS: Final = re.compile(r"^<!-- errors -->\n.*?^<!-- /errors -->$", re.MULTILINE | re.DOTALL)
CLASSES: Final = {
    "io": (("stage_utils", "StageIO"), ("stage_places", "StagePlaces")),
    "config": (("config", "Config"),),
    "io.manifest": (("stage_manifest", "StageManifest"),),
}
"""What an object of the page is called, and the classes that say what it can do."""

ERROR: Final = re.compile(r"\b(\w+Error)\b")
WORD: Final = re.compile(r"\b(None|True|False|StageIO)\b")
SENTENCE: Final = re.compile(r"(?:^|(?<=\. ))(?=Raises )")
WIDTH: Final = 150

Function: TypeAlias = ast.FunctionDef
Errors: TypeAlias = dict[str, tuple[list[str], str]]
"""What each error is besides, and when it is raised."""


class UnknownCallError(LookupError):
    """The page names a call that the library does not have."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call as the page shows it: its heading, its signatures and its docstring."""

    title: str
    signatures: tuple[str, ...]
    text: str
    is_property: bool = False


def filled_reference(page: str, library: Path) -> str:
    """The page with its parts as the docstrings are now. Raises UnknownCallError."""
    errors = dict(_errors(library))

    def part(found: "re.Match[str]") -> str:
        calls = _all_shown([_call(library, found[1], name) for name in found[2].split()], errors)
        return f"<!-- calls {found[1]}: {found[2]} -->\n\n{calls}\n\n<!-- /calls -->"

    lines = "\n".join(
        f"| `{name}` | {', '.join(f'`{base}`' for base in bases)} | {_marked(text, {})} |"
        for name, (bases, text) in errors.items()
    )
    table = f"| error | is also | when |\n| --- | --- | --- |\n{lines}"
    whole = f"<!-- errors -->\n\n{table}\n\n<!-- /errors -->"
    return ERRORS.sub(lambda _: whole, PART.sub(part, page))


def _all_shown(calls: Sequence[Call], errors: Errors) -> str:
    if not all(call.is_property for call in calls):
        return "\n\n".join(_shown(call, errors) for call in calls)
    rows = []
    for call in calls:
        kind = call.signatures[0].removeprefix(f"{call.title}: ").replace("|", "or")
        rows.append(
            f"| `{call.title}` | `{kind}` | {_marked(' '.join(call.text.split()), errors)} |"
        )
    return "\n".join(["| property | type | what it is |", "| --- | --- | --- |", *rows])


def _shown(call: Call, errors: Errors) -> str:
    signature = "\n".join(call.signatures)
    parts = [f"### {call.title}", f"```python\n{signature}\n```"]
    for paragraph in re.split(r"\n\s*\n", call.text):
        text = _marked(" ".join(paragraph.split()), errors)
        parts += [
            textwrap.fill(piece, WIDTH, break_long_words=False, break_on_hyphens=False)
            for piece in SENTENCE.split(text)
            if piece
        ]
    return "\n\n".join(part.strip() for part in parts)


def _marked(text: str, errors: Errors) -> str:
    """A docstring's text as Markdown, with its errors as links to their table."""

    def error(found: "re.Match[str]") -> str:
        return f"[`{found[1]}`](#errors)" if found[1] in errors else f"`{found[1]}`"

    pieces = text.split("``")
    for place in range(0, len(pieces), 2):  # what stands between is code already
        pieces[place] = ERROR.sub(error, WORD.sub(r"`\1`", pieces[place]))
    return "`".join(pieces)


def _call(library: Path, subject: str, name: str) -> Call:
    if subject not in CLASSES:
        return _function(library, subject, name)
    for module, class_name in CLASSES[subject]:
        kind = _class(library, module, class_name)
        if name == class_name:
            text = ast.get_docstring(kind) or ""
            made = _signature(_named(kind.body, "__init__")[-1], class_name, returns=False)
            return Call(title=name, signatures=(made,), text=text)
        if found := _named(kind.body, name):
            return _method(found, f"{subject}.{name}")
    msg = f"{REFERENCE} names {subject}.{name}, which the library does not have."
    raise UnknownCallError(msg)


def _method(found: Sequence[Function], shown: str) -> Call:
    last = found[-1]
    text = ast.get_docstring(last) or ""
    if _is_decorated(last, "property"):
        kind = (f"{shown}: {_type(last.returns)}",)
        return Call(title=shown, signatures=kind, text=text, is_property=True)
    several = [item for item in found if _is_decorated(item, "overload")]
    signatures = tuple(_signature(item, shown) for item in several or [last])
    return Call(title=shown, signatures=signatures, text=text)


def _function(library: Path, module: str, name: str) -> Call:
    tree = ast.parse((library / f"{module.removeprefix('shared.')}.py").read_text("utf-8"))
    found = _named(tree.body, name)
    if not found:
        msg = f"{REFERENCE} names {module}.{name}, which the library does not have."
        raise UnknownCallError(msg)
    signatures = (f"from {module} import {name}", _signature(found[-1], name))
    return Call(title=name, signatures=signatures, text=ast.get_docstring(found[-1]) or "")


def _errors(library: Path) -> Iterator[tuple[str, tuple[list[str], str]]]:
    tree = ast.parse((library / "errors.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            bases = [ast.unparse(base) for base in node.bases]
            yield node.name, (bases, ast.get_docstring(node) or "")


def _class(library: Path, module: str, name: str) -> ast.ClassDef:
    tree = ast.parse((library / f"{module}.py").read_text("utf-8"))
    return next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)


def _named(body: Sequence[ast.stmt], name: str) -> list[Function]:
    return [node for node in body if isinstance(node, ast.FunctionDef) and node.name == name]


def _is_decorated(function: Function, name: str) -> bool:
    return any(isinstance(item, ast.Name) and item.id == name for item in function.decorator_list)


def _signature(function: Function, shown: str, *, returns: bool = True) -> str:
    given = copy.deepcopy(function.args)
    for place in (given.posonlyargs, given.args):
        if place and place[0].arg == "self":
            del place[0]
            break
    text = ast.unparse(Plain().visit(given)).removeprefix("/, ")
    text = text.replace("=", " = ").replace("'", '"')
    end = f" -> {_type(function.returns)}" if returns else ""
    return f"{shown}({text}){end}"


def _type(node: ast.expr | None) -> str:
    return "None" if node is None else ast.unparse(Plain().visit(copy.deepcopy(node)))


class Plain(ast.NodeTransformer):
    """Types as they are written today, where the library keeps to those of Python 3.9."""

    NAMES: Final = {"List": "list", "Dict": "dict", "PathLike": "str | Path"}

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A name."""
        return ast.parse(self.NAMES.get(node.id, node.id), mode="eval").body

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """A type with parts."""
        inside = self.visit(node.slice)
        match node.value:
            case ast.Name(id="Optional"):
                return ast.BinOp(inside, ast.BitOr(), ast.Constant(None))
            case ast.Name(id="Union"):
                parts = inside.elts
                return ast.BinOp(parts[0], ast.BitOr(), parts[1])
            case _:
                return ast.Subscript(self.visit(node.value), inside, node.ctx)
