"""What a stage tells in its manifest: that there is one, and how the stage ended."""

import ast
from collections.abc import Iterator
from typing import Final

from runner.compliance.code import Function
from runner.compliance.finding import Spot
from runner.compliance.subject import StageFile
from runner.compliance.values import values_of
from runner.compliance.ways import Condition

STATUSES: Final = ("success", "failed", "skipped")
SIGNATURE: Final = 'def run_stage(job_dir: Path, stage_name: str = "…") -> int'


def find_no_stage_io(file: StageFile) -> Iterator[Spot]:
    """A stage's program that has no StageIO, itself or in its modules."""
    others = (StageFile(code=code).objects.creations for code in file.modules.values())
    if file.is_entry and not file.objects.creations and not any(others):
        yield Spot(message="no StageIO is made: without one there is neither manifest nor log")


def find_no_manifest(file: StageFile) -> Iterator[Spot]:
    """A StageIO that writes no manifest."""
    for call in file.objects.creations:
        value = next((item.value for item in call.keywords if item.arg == "enable_manifest"), None)
        value = call.args[2] if len(call.args) > 2 else value  # noqa: PLR2004  (its third argument)
        if any(item is False or item is None for item in values_of(file.code, value)):
            text = "enable_manifest=False: a stage without a manifest is a contract_violation"
            yield Spot.of(call, text)


def find_unfinalized(file: StageFile) -> Iterator[Spot]:
    """Ways out of a stage on which it does not say how it ended."""
    for function in _opening(file):
        ways = file.flow.ways_out(function)
        open_ways = [node for node, condition in ways.left if condition is Condition.OPEN]
        for node in dict.fromkeys(open_ways):
            yield Spot.of(node, "the stage ends here without io.finalize()")
        if Condition.OPEN in ways.end:
            last = function.body[-1]
            yield Spot.of(last, "the stage comes to its end behind this without io.finalize()")


def find_escaping(file: StageFile) -> Iterator[Spot]:
    """Where an exception leaves a stage that has not said that it failed."""
    for function in _opening(file):
        raised = file.flow.ways_out(function).raised
        escaping = [node for node, condition in raised if condition is Condition.OPEN]
        if escaping:
            first = min(escaping, key=lambda node: getattr(node, "lineno", 0))
            yield Spot.of(
                first,
                "an exception from here on leaves without io.finalize(status='failed'): put it"
                " into try … except Exception",
            )


def find_unknown_status(file: StageFile) -> Iterator[Spot]:
    """Statuses that there are none of."""
    for call in file.io_calls("finalize"):
        named = (item.value for item in call.keywords if item.arg == "status")
        status = call.args[0] if call.args else next(named, None)
        for value in values_of(file.code, status):
            if status is not None and value not in STATUSES:
                text = f"there is no status {value!r}: it is one of {', '.join(STATUSES)}"
                yield Spot.of(status, text)


def find_wrong_signature(file: StageFile) -> Iterator[Spot]:
    """A ``run_stage`` that nobody can call as it is documented."""
    function = file.code.functions.get("run_stage")
    if file.is_entry and function is not None and (problem := _signature_problem(function)):
        yield Spot.of(function, f"run_stage {problem}: it is {SIGNATURE}")


def _signature_problem(function: Function) -> str | None:
    arguments = function.args
    names = [item.arg for item in (*arguments.posonlyargs, *arguments.args)]
    if isinstance(function, ast.AsyncFunctionDef):
        return "is asynchronous"
    if names[:2] != ["job_dir", "stage_name"]:
        return f"takes ({', '.join(names)})"
    further = [*names[2:], *(item.arg for item in arguments.kwonlyargs)]
    defaults = len(arguments.defaults) + sum(item is not None for item in arguments.kw_defaults)
    if defaults < len(further) + 1:
        return "has no default for stage_name" if not further else f"needs {further[0]}"
    returns = function.returns
    if returns is not None and ast.unparse(returns).strip("'\"") != "int":
        return f"returns {ast.unparse(returns)}"
    return None


def _opening(file: StageFile) -> Iterator[Function | ast.Module]:
    """The functions in which a StageIO is made, and out of whose sight it does not get."""
    found: dict[Function | ast.Module, None] = {}
    for call in file.objects.creations:
        holder = file.code.parents.get(call)
        is_simple = isinstance(holder, ast.Assign | ast.AnnAssign) and all(
            isinstance(target, ast.Name) for target in _targets(holder)
        )
        function = file.code.function_of(call) or file.code.tree
        if is_simple and not getattr(function, "decorator_list", []):
            found[function] = None
    yield from found


def _targets(node: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]
