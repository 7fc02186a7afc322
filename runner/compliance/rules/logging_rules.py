"""What a stage says, and what it does with exceptions: nothing may get lost."""

import ast
from collections.abc import Iterator
from typing import Final

from runner.compliance.code import last_name
from runner.compliance.finalizing import LEAVING, is_broad
from runner.compliance.finding import Spot
from runner.compliance.stage_objects import LOG_METHODS
from runner.compliance.subject import StageFile

FOREIGN_LOGGING: Final = frozenset(
    {"logging.getLogger", "logging.basicConfig", "logging.config.dictConfig"}
) | {f"logging.{method}" for method in LOG_METHODS}
STREAMS: Final = frozenset(
    {"sys.stdout.write", "sys.stderr.write", "sys.stdout.buffer.write", "sys.stderr.buffer.write"}
    | {"sys.stdout.writelines", "sys.stderr.writelines", "pprint.pprint", "traceback.print_exc"}
)
NOTES: Final = ("add_error", "add_warning", "finalize", "finalize_stage_manifest")
PLAIN: Final = frozenset({"str", "repr", "type", "format", "len"})
SET_UP: Final = frozenset({"setLevel", "addFilter", "propagate", "disabled"})
"""What may be done to the loggers of libraries."""
CHANGING: Final = frozenset({"append", "clear", "extend", "insert", "pop", "remove"})
HANDLING: Final = frozenset({"addHandler", "removeHandler"})


def find_prints(file: StageFile) -> Iterator[Spot]:
    """Text that goes past the stage's log."""
    is_rebound = file.code.is_rebound("print")
    for node in file.code.nodes:
        name = file.code.dotted(node)
        if name in STREAMS and isinstance(file.code.parents.get(node), ast.Call):
            yield Spot.of(node, f"{name}() goes past stage.log: use the stage's logger")
        elif name == "print" and not is_rebound and not _writes_a_file(file, node):
            yield Spot.of(node, "print() goes past stage.log: use the stage's logger")


def _writes_a_file(file: StageFile, node: ast.AST) -> bool:
    """Whether a print is one into a file of the stage's own."""
    call = file.code.parents.get(node)
    if not isinstance(call, ast.Call) or call.func is not node:
        return False
    named = {item.arg: item.value for item in call.keywords}
    target = named.get("file")
    return target is not None and file.code.dotted(target) not in {"sys.stdout", "sys.stderr"}


def find_foreign_loggers(file: StageFile) -> Iterator[Spot]:
    """Loggers that stage.log knows nothing of."""
    for call in file.code.calls:
        name, around = file.code.dotted(call.func), file.code.parents.get(call)
        is_set_up = isinstance(around, ast.Attribute) and around.attr in SET_UP
        if name in FOREIGN_LOGGING and not is_set_up:
            advice = "io.get_stage_logger(), or in a module shared.logger.get_logger(__name__)"
            yield Spot.of(call.func, f"{name}() is not the stage's logger: use {advice}")
    yield from _own_handlers(file)


def _own_handlers(file: StageFile) -> Iterator[Spot]:
    """Handlers of one's own, and changes to those by which a logger reaches stage.log."""
    advice = "the stage's logger writes to stage.log and to the console as it is"
    for node in file.code.nodes:
        match node:
            case ast.Call(func=ast.Attribute(attr=method), args=[handler]) if method in HANDLING:
                kind = handler.func if isinstance(handler, ast.Call) else handler
                if file.code.dotted(kind) != "logging.NullHandler":
                    yield Spot.of(node, f"{method}() changes where a logger writes: {advice}")
            case ast.Attribute(value=logger, attr="handlers") if file.objects.is_logger(
                logger
            ) and _is_changed(file, node):
                yield Spot.of(node, f"its handlers are not the stage's: {advice}")
            case _:
                pass


def _is_changed(file: StageFile, node: ast.Attribute) -> bool:
    around = file.code.parents.get(node)
    is_method = isinstance(around, ast.Attribute) and around.attr in CHANGING
    return is_method or not isinstance(node.ctx, ast.Load)


def find_unlogged(file: StageFile) -> Iterator[Spot]:
    """A StageIO whose logger nobody has asked for."""
    objects = file.objects
    asks = any(
        isinstance(node, ast.Attribute) and node.attr == "get_stage_logger"
        for code in (file.code, *file.modules.values())
        for node in code.nodes
    )
    if file.is_entry and objects.creations and not asks:
        yield Spot.of(
            objects.creations[0], "the stage never calls get_stage_logger(): its log stays empty"
        )


def find_lost_tracebacks(file: StageFile) -> Iterator[Spot]:
    """Errors that nobody expected, or that end here, logged without saying where they are from."""
    for handler in _handlers(file):
        nodes = list(ast.walk(handler))
        if is_broad(file.code, handler):
            text = "an unexpected error without its traceback: add exc_info=True"
        elif _gives_nothing(file, nodes):
            text = "the caller gets no result and the log no traceback: add exc_info=True, or raise"
        else:
            continue
        if any(_has_traceback(file, node) for node in nodes):
            continue
        for node in nodes:
            if file.objects.is_log_call(node, "error", "critical", "fatal"):
                yield Spot.of(node, text)


def _gives_nothing(file: StageFile, nodes: list[ast.AST]) -> bool:
    """Whether a handler returns an empty result, and tells the manifest nothing."""
    if any(isinstance(node, ast.Raise) or _is_noted(file, node) for node in nodes):
        return False
    return any(isinstance(node, ast.Return) and _is_empty(node.value) for node in nodes)


def _is_noted(file: StageFile, node: ast.AST) -> bool:
    is_ended = isinstance(node, ast.Call) and last_name(node) in file.flow.finalizing
    return is_ended or file.objects.is_io_call(node, *NOTES)


def _is_empty(node: ast.expr | None) -> bool:
    match node:
        case None | ast.Constant(value=None | False | "" | b""):
            return True
        case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]):
            return True
        case ast.Call(func=ast.Name(id="set" | "dict" | "list" | "tuple"), args=[], keywords=[]):
            return True
        case _:
            return False


def find_swallowed(file: StageFile) -> Iterator[Spot]:
    """Handlers of every exception that neither raise, nor tell, nor end the stage."""
    for handler in _handlers(file):
        tells = any(_tells(file, node, handler.name) for node in ast.walk(handler))
        if is_broad(file.code, handler) and not tells:
            text = "swallows every exception: log it, name the exceptions that are meant, or raise"
            yield Spot.of(handler, text)
    for call in file.code.calls:
        if file.code.dotted(call.func) == "contextlib.suppress":
            for kind in call.args:
                if file.code.dotted(kind) in {"Exception", "BaseException"}:
                    yield Spot.of(kind, "swallows every exception: name the ones that are meant")


def _handlers(file: StageFile) -> Iterator[ast.ExceptHandler]:
    yield from (node for node in file.code.nodes if isinstance(node, ast.ExceptHandler))


def _tells(file: StageFile, node: ast.AST, name: str | None) -> bool:
    """Whether something in a handler raises, logs, ends the stage, or hands the exception on."""
    match node:
        case ast.Raise():
            return True
        case ast.Assign(value=ast.Name(id=value)) | ast.Return(value=ast.Name(id=value)):
            return value == name
        case ast.Call(func=function, args=arguments):
            called = file.code.dotted(function) or ""
            hands_on = any(isinstance(item, ast.Name) and item.id == name for item in arguments)
            return (
                called in LEAVING
                or _is_told(file, node)
                or (name is not None and hands_on and called not in PLAIN)
            )
        case _:
            return False


def _is_told(file: StageFile, node: ast.Call) -> bool:
    if file.objects.is_log_call(node) or file.objects.is_io_call(node, *NOTES):
        return True
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in LOG_METHODS:
        return False
    root = (file.code.dotted(node.func) or "").partition(".")[0]
    return root not in file.code.imported.values()


def _has_traceback(file: StageFile, node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    if file.objects.is_log_call(node, "exception"):
        return True
    if file.code.dotted(node.func) in {"traceback.format_exc", "traceback.format_exception"}:
        return True
    value = next((item.value for item in node.keywords if item.arg == "exc_info"), None)
    return value is not None and not (isinstance(value, ast.Constant) and not value.value)
