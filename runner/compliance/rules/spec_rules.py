"""Code and ``stage.yaml``: what one says, the other has to say as well."""

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from runner.compliance.code import Code
from runner.compliance.finding import Spot
from runner.compliance.place import ANYTHING, Kind, fits
from runner.compliance.stage_objects import StageObjects
from runner.compliance.subject import StageFile

GETTERS: Final = frozenset(
    {"get", "get_bool", "get_int", "get_float", "get_list", "get_path", "source"}
)
OWN_FILES: Final = frozenset({"manifest.json", "stage.log"})
NETWORK_MODULES: Final = frozenset(
    {
        "aiohttp", "ftplib", "grpc", "http.client", "httpx", "paramiko", "requests", "smtplib",
        "urllib.request", "urllib3", "websockets", "xmlrpc.client", "boto3",
    }
)  # fmt: skip
CONNECTIONS: Final = frozenset(
    {"asyncio.open_connection", "socket.create_connection", "socket.getaddrinfo", "socket.socket"}
)
ABSENT: Final = frozenset({"ImportError", "ModuleNotFoundError"})


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
            yield Spot(
                message=f"{key} is declared under config in stage.yaml, and nothing reads it"
            )


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
        path = "/".join(place.parts)
        if path in {"", ANYTHING} or path.startswith(".cache/") or path in OWN_FILES:
            continue
        is_known = any(fits(item.file, path) for item in file.stage.outputs)
        is_kept = not any(known.covers(place) for known in (*scratch, *file.gone))
        if not is_known and is_kept:
            yield Spot.of(use.path, f"{path} is not declared under outputs in stage.yaml")


def find_undeclared_secrets(file: StageFile) -> Iterator[Spot]:
    """Secrets that the stage does not get."""
    declared = set(file.stage.secrets) if file.stage else set()
    yield from _undeclared(file, ("secret",), declared, "secrets")


def find_undeclared_models(file: StageFile) -> Iterator[Spot]:
    """Models that the stage does not get."""
    declared = {model.name for model in file.stage.models} if file.stage else set()
    yield from _undeclared(file, ("model",), declared, "models")


def find_network(file: StageFile) -> Iterator[Spot]:
    """Ways to a network in a stage that has none."""
    if file.stage is None or file.stage.network:
        return
    for node, module in _imports(file.code):
        if any(module == name or module.startswith(f"{name}.") for name in NETWORK_MODULES):
            text = f"{module} needs a network, and stage.yaml gives none: network: site"
            yield Spot.of(node, text)
    for call in file.code.calls:
        if (name := file.code.dotted(call.func)) in CONNECTIONS:
            text = f"{name}() needs a network, and stage.yaml gives none: network: site"
            yield Spot.of(call.func, text)


def find_missing_imports(file: StageFile) -> Iterator[Spot]:
    """Imports that the stage's image cannot fulfil."""
    if file.installed is None:
        return
    own = {name.removesuffix(".py") for name in file.modules} | {"shared", file.code.path.stem}
    parents = file.stage.parents.values() if file.stage else ()
    images = " and ".join(dict.fromkeys(parent.image for parent in parents))
    for node, module in _imports(file.code):
        top = module.partition(".")[0]
        if top not in own | file.installed and not _may_be_absent(file.code, node):
            yield Spot.of(node, f"{top} is in no requirements.lock of the parent image {images}")


def _may_be_absent(code: Code, node: ast.AST) -> bool:
    """Whether the program goes on without an import: it is tried, or for a reader of types only."""
    while (around := code.parents.get(node)) is not None:
        match around:
            case ast.Try(body=body, handlers=handlers) if node in body:
                names = {
                    ast.unparse(kind)
                    for item in handlers
                    for kind in ast.walk(item.type or item)
                    if isinstance(kind, ast.Name)
                }
                if names & ABSENT:
                    return True
            case ast.If(test=test):
                text = ast.unparse(test)
                if "TYPE_CHECKING" in text or "version_info" in text:
                    return True
            case _:
                pass
        node = around
    return False


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
            yield from ((key, value) for value in code.values_of(key) if isinstance(value, str))


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


def _imports(code: Code) -> Iterator[tuple[ast.AST, str]]:
    for call in code.calls:
        if code.dotted(call.func) == "importlib.import_module" and call.args:
            yield from ((call, str(name)) for name in code.values_of(call.args[0]))
    for node in code.nodes:
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            whole = [name for name in names if name in NETWORK_MODULES]
            yield node, whole[0] if whole else node.module
