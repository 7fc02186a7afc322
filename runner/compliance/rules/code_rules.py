"""How a stage's code is written: where it takes its settings from, and what a reader needs."""

import ast
from collections.abc import Iterator
from typing import Final

from runner.compliance.code import Function
from runner.compliance.finding import Spot
from runner.compliance.subject import StageFile

JOB: Final = "OUTPUT_DIR"
ENVIRONMENT: Final = frozenset(
    {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.path.expandvars"}
)
SHELLS: Final = frozenset(
    {
        "asyncio.create_subprocess_shell", "os.popen", "os.system", "subprocess.getoutput",
        "subprocess.getstatusoutput",
    }
)  # fmt: skip
UNSAFE: Final = "file names with blanks and quotes become commands; give a list"
SHELL_PROGRAMS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh"})


def find_environment(file: StageFile) -> Iterator[Spot]:
    """Settings that come from the environment, past the layers that a run's record knows."""
    for node in file.code.nodes:
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            name = file.code.dotted(node)
            is_inner = isinstance(file.code.parents.get(node), ast.Attribute)
            is_read = name in ENVIRONMENT and not _is_handed_on(file, node)
            if is_read and not _is_the_job(file, node, is_inner=is_inner):
                text = "read settings with load_config(), which knows where they come from"
                if _is_copied(file, node):
                    text = "a child gets it by itself, and more by env={**os.environ, …}"
                yield Spot.of(node, f"{name} reads the environment: {text}")


def find_shells(file: StageFile) -> Iterator[Spot]:
    """Commands that a shell takes apart."""
    for call in file.code.calls:
        name = file.code.dotted(call.func)
        if name in SHELLS:
            yield Spot.of(call.func, f"{name}() starts a shell: give subprocess.run() a list")
        for item in call.keywords:
            is_on = isinstance(item.value, ast.Constant) and item.value.value is True
            if item.arg == "shell" and is_on:
                yield Spot.of(item.value, f"shell=True: {UNSAFE}")

    for node in file.code.nodes:
        match node:
            case ast.List(
                elts=[ast.Constant(value=str(program)), ast.Constant(value=str(option)), *_]
            ):
                is_shell = program.rpartition("/")[2] in SHELL_PROGRAMS
                if is_shell and option.startswith("-") and option.endswith("c"):
                    text = f"{program} {option} starts a shell: start the program itself"
                    yield Spot.of(node, text)
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    match key, value:
                        case ast.Constant(value="shell"), ast.Constant(value=True):
                            yield Spot.of(value, f"shell=True: {UNSAFE}")
                        case _:
                            pass
            case _:
                pass


def find_missing_types(file: StageFile) -> Iterator[Spot]:
    """Public functions of which a reader does not know what they take and return."""
    for function in _public_functions(file):
        arguments = function.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        named += [item for item in (arguments.vararg, arguments.kwarg) if item is not None]
        bare = [item.arg for item in named if item.annotation is None]
        if _is_method(file, function) and bare[:1] in (["self"], ["cls"]):
            bare = bare[1:]
        if bare:
            yield Spot.of(function, f"{function.name}: no type for {', '.join(bare)}")
        if function.returns is None:
            yield Spot.of(function, f"{function.name}: no type for what it returns")


def find_missing_docstrings(file: StageFile) -> Iterator[Spot]:
    """A file, public functions and classes that do not say what they are for."""
    if file.code.tree.body and ast.get_docstring(file.code.tree) is None:
        yield Spot(message=f"{file.code.path.name} has no docstring")
    for function in _public_functions(file):
        if ast.get_docstring(function) is None:
            yield Spot.of(function, f"{function.name} has no docstring")
    for node in _public_classes(file):
        if ast.get_docstring(node) is None:
            yield Spot.of(node, f"{node.name} has no docstring")


def _is_handed_on(file: StageFile, node: ast.AST) -> bool:
    """Whether the environment goes with more to a child, in one expression."""
    match file.code.parents.get(node):
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return len(keys) > 1 and any(key is None and value is node for key, value in pairs)
        case ast.BinOp(op=ast.BitOr()):
            return True
        case ast.Call(func=ast.Name(id="dict"), keywords=more):
            return bool(more)
        case _:
            return False


def _is_copied(file: StageFile, node: ast.AST) -> bool:
    match file.code.parents.get(node):
        case ast.Call(func=ast.Name(id="dict")) | ast.Attribute(attr="copy") | ast.Dict():
            return True
        case ast.keyword(arg="env"):
            return True
        case _:
            return False


def _is_the_job(file: StageFile, node: ast.AST, *, is_inner: bool) -> bool:
    """Whether it is the job's folder that is read, in ``main`` or at the file's end."""
    function = file.code.function_of(node)
    if function is not None and function.name != "main":
        return False
    around: ast.AST | None = file.code.parents.get(node)
    if is_inner and around is not None:
        around = file.code.parents.get(around)
    match around:
        case (
            ast.Call(args=[ast.Constant(value=key), *_])
            | ast.Subscript(slice=ast.Constant(value=key))
        ):
            return bool(key == JOB)
        case ast.Compare(left=ast.Constant(value=key)):
            return bool(key == JOB)
        case _:
            return False


def _public_classes(file: StageFile) -> Iterator[ast.ClassDef]:
    for node in file.code.tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node


def _public_functions(file: StageFile) -> Iterator[Function]:
    """Functions of the file and methods of its public classes."""
    for body in (file.code.tree.body, *(item.body for item in _public_classes(file))):
        for node in body:
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    if not name.startswith("_") and not _is_overload(node):
                        yield node
                case _:
                    pass


def _is_overload(function: Function) -> bool:
    """Whether it only adds to another function, which has the docstring."""
    names = [ast.unparse(item) for item in function.decorator_list]
    return any(name.endswith(("overload", ".setter", ".deleter")) for name in names)


def _is_method(file: StageFile, function: Function) -> bool:
    return isinstance(file.code.parents.get(function), ast.ClassDef)
