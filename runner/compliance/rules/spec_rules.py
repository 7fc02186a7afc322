"""Code and ``stage.yaml``: what one says, the other has to say as well."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from runner.compliance.code import Code
from runner.compliance.finding import Spot
from runner.compliance.place import ANYTHING, Kind, fits
from runner.compliance.stage_objects import StageObjects
from runner.compliance.subject import StageFile
from runner.compliance.values import constants_of, given_constants
from runner.project.stage import StageSpec

GETTERS: Final = frozenset(
    {"get", "get_bool", "get_int", "get_float", "get_list", "get_path", "source"}
)
OWN_FILES: Final = frozenset({"manifest.json", "stage.log"})


def find_undeclared_keys(file: StageFile) -> Iterator[Spot]:
    """Settings that are read and that nobody can set."""
    if file.stage is None:
        return
    for node, key in _keys_used(file.code, file.objects):
        if key not in file.stage.config:
            text = f"{key} is not declared under config in stage.yaml: nobody can set it"
            yield Spot.of(node, text)


def find_unused_keys(file: StageFile) -> Iterator[Spot]:
    """Settings that can be set and that nothing reads."""
    if file.stage is None or not file.is_entry:
        return
    used = set(_texts([file.code, *file.modules.values()]))
    conditions = {key for model in file.stage.models for key in model.when}
    conditions |= {key for parent in file.stage.parents.values() for key in parent.when}
    for key in file.stage.config:
        if key not in used | conditions:
            text = f"{key} is declared under config in stage.yaml, and nothing reads it"
            yield _in_spec(file.code.path.with_name(file.stage.file.name), key, text)


def _in_spec(path: Path, key: str, message: str) -> Spot:
    """Where ``stage.yaml`` has a key; its first line where that cannot be told."""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    written = re.compile(rf"(?<![\w#]){re.escape(key)}\s*:")
    for number, line in enumerate(lines, start=1):
        if found := written.search(line):
            column, end = found.start() + 1, found.start() + len(key) + 1
            return Spot(line=number, column=column, end_column=end, message=message, path=path)
    return Spot(message=message, path=path)


def find_undeclared_inputs(file: StageFile) -> Iterator[Spot]:
    """Inputs by a name that ``stage.yaml`` does not know."""
    declared = {item.name for item in file.stage.inputs} if file.stage else set()
    yield from _undeclared(file, ("input", "inputs"), declared, "inputs")


def find_undeclared_outputs(file: StageFile) -> Iterator[Spot]:
    """Outputs that the runner would refuse: by name, or files that no pattern fits."""
    if file.stage is None:
        return
    declared = {item.name for item in file.stage.outputs}
    yield from _undeclared(file, ("output",), declared, "outputs")
    scratch = file.tracked("track_intermediate")
    for use, place in file.uses:
        if not (use.writes and use.leaves) or place.kind is not Kind.STAGE or place.is_tracked:
            continue
        if not any(known.covers(place) for known in (*scratch, *file.gone)):
            for path in place.paths:
                if not _may_be_left(path, file.stage):
                    yield Spot.of(use.spot, f"{path} is not declared under outputs in stage.yaml")


def _may_be_left(path: str, stage: StageSpec) -> bool:
    """Whether a file in the stage's folder is declared, or is none that has to be."""
    if path == ANYTHING or path.startswith(".cache/") or path in OWN_FILES:
        return True
    return any(fits(item.file, path) for item in stage.outputs)


def find_undeclared_secrets(file: StageFile) -> Iterator[Spot]:
    """Secrets that the stage does not get."""
    declared = set(file.stage.secrets) if file.stage else set()
    yield from _undeclared(file, ("secret",), declared, "secrets")


def find_undeclared_models(file: StageFile) -> Iterator[Spot]:
    """Models that the stage does not get."""
    declared = {model.name for model in file.stage.models} if file.stage else set()
    yield from _undeclared(file, ("model",), declared, "models")


def _undeclared(
    file: StageFile, methods: tuple[str, ...], declared: set[str], where: str
) -> Iterator[Spot]:
    if file.stage is None:
        return
    for call in file.io_calls(*methods):
        name = call.args[0] if call.args else None
        if isinstance(name, ast.Constant) and name.value not in declared:
            yield Spot.of(name, f"{name.value!r} is not declared under {where} in stage.yaml")


def _keys_used(code: Code, objects: StageObjects) -> Iterator[tuple[ast.AST, str]]:
    for node in code.nodes:
        match node:
            case ast.Call(func=ast.Attribute(value=config, attr=method), args=[key, *_]) if (
                method in GETTERS and objects.is_config(config)
            ):
                pass
            case ast.Subscript(value=config, slice=key) if objects.is_config(config):
                pass
            case _:
                continue
        if not _is_other_parameter(code, node, config):
            for found in (*constants_of(code, key), *given_constants(code, key)):
                if isinstance(found.value, str):
                    yield found, found.value


def _is_other_parameter(code: Code, node: ast.AST, config: ast.AST) -> bool:
    """Whether a name that is a configuration elsewhere is a parameter of another type here."""
    if not isinstance(config, ast.Name):
        return False
    while (around := code.parents.get(node)) is not None:
        if isinstance(around, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = around.args
            for item in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                if item.arg == config.id:
                    return _type_of(item) != "Config" or isinstance(around, ast.Lambda)
        node = around
    return False


def _type_of(argument: ast.arg) -> str:
    """The name of a parameter's type; one without is taken for what its name says."""
    if argument.annotation is None:
        return "Config"
    return ast.unparse(argument.annotation).strip("'\"").rpartition(".")[2]


def _texts(codes: Iterable[Code]) -> Iterator[str]:
    for code in codes:
        for node in code.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
