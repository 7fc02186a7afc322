"""The list by which an old script becomes a stage: what is done, what is missing, and where."""

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from runner.compliance.checking import Checked, check, stage_files
from runner.compliance.subject import StageFile
from runner.compliance.targets import Target

Lines = Iterator[int]


class State(StrEnum):
    """How an item of the list stands."""

    DONE = "done"
    MISSING = "missing"
    NOT_NEEDED = "not needed"


@dataclass(frozen=True, kw_only=True)
class Item:
    """An item: what is to be done, how it stands, and the place that shows it."""

    part: str
    text: str
    state: State
    path: Path
    line: int | None = None
    note: str = ""


@dataclass(frozen=True)
class _Step:
    """What an item asks: its lines in the code, and rules of which nothing may be found.

    With ``needs_spec`` it is missing wherever no ``stage.yaml`` says what the code is held against.
    """

    part: str
    text: str
    lines: Callable[[StageFile], Lines] | None = None
    clean: tuple[str, ...] = ()
    is_optional: bool = False
    needs_spec: bool = False


def _calls(*methods: str) -> Callable[[StageFile], Lines]:
    return lambda file: (call.lineno for call in file.io_calls(*methods))


def _function(name: str) -> Callable[[StageFile], Lines]:
    return lambda file: (
        [file.code.functions[name].lineno] if name in file.code.functions else []
    ).__iter__()


def _imports(file: StageFile) -> Lines:
    for node in file.code.nodes:
        if isinstance(node, ast.ImportFrom) and any(name.name == "StageIO" for name in node.names):
            yield node.lineno


def _creations(file: StageFile) -> Lines:
    return (call.lineno for call in file.objects.creations)


def _subprocesses(file: StageFile) -> Lines:
    for call in file.code.calls:
        if (file.code.dotted(call.func) or "").startswith("subprocess."):
            yield call.lineno


UNDERSTAND, CONVERT, TEST = "before", "conversion", "after"
STEPS: Final = (
    _Step(UNDERSTAND, "settings are declared and read by load_config()", clean=("ST401", "ST501")),
    _Step(UNDERSTAND, "inputs and outputs are declared", clean=("ST403", "ST404"), needs_spec=True),
    _Step(UNDERSTAND, "commands are started without a shell", _subprocesses, ("ST502",), True),
    _Step(CONVERT, "StageIO is imported", _imports),
    _Step(CONVERT, "run_stage(job_dir, stage_name) is there", _function("run_stage"), ("ST206",)),
    _Step(CONVERT, "StageIO is made, with its manifest", _creations, ("ST201", "ST202")),
    _Step(
        CONVERT,
        "the stage's logger instead of print()",
        _calls("get_stage_logger"),
        ("ST101", "ST102", "ST103"),
    ),
    _Step(
        CONVERT, "inputs are tracked", _calls("track_input", "input", "inputs"), ("ST301", "ST302")
    ),
    _Step(CONVERT, "settings are in the manifest", _calls("add_config", "set_config"), (), True),
    _Step(CONVERT, "outputs go to the stage's folder alone", clean=("ST304", "ST305")),
    _Step(CONVERT, "outputs are tracked", _calls("track_output", "output"), ("ST303",)),
    _Step(CONVERT, "scratch files are tracked", _calls("track_intermediate"), (), True),
    _Step(CONVERT, "errors are in the manifest", _calls("add_error", "add_warning"), ("ST105",)),
    _Step(
        CONVERT,
        "finalized on every way out",
        _calls("finalize", "finalize_stage_manifest"),
        ("ST203", "ST204", "ST205"),
    ),
    _Step(CONVERT, "main() takes the job from OUTPUT_DIR", _function("main"), ("ST501",)),
    _Step(TEST, "stagerun check finds nothing"),
)


def checklist(target: Target) -> list[Item]:
    """The items of one stage, or of a lone file. Raises UnreadableCodeError and SpecError."""
    checked = check([target])
    files = list(stage_files(target))
    entry = next((file.code.path for file in files if file.is_entry), target.files[0])
    return [*(_item(step, files, checked, entry) for step in STEPS), *_around(target, entry)]


def _item(step: _Step, files: Sequence[StageFile], checked: Checked, entry: Path) -> Item:
    is_last = step.lines is None and not step.clean
    wrong = [item for item in checked.findings if is_last or item.rule in step.clean]
    if wrong:
        first = wrong[0]
        return Item(
            part=step.part,
            text=step.text,
            state=State.MISSING,
            path=first.path,
            line=first.line,
            note=f"{first.rule} {first.message}",
        )
    path, line = next(iter(_places(step, files)), (entry, None))
    state = State.DONE
    if step.needs_spec and all(file.stage is None for file in files):
        state = State.MISSING
    elif step.lines is not None and line is None:
        state = State.NOT_NEEDED if step.is_optional else State.MISSING
    return Item(part=step.part, text=step.text, state=state, path=path, line=line)


def _places(step: _Step, files: Iterable[StageFile]) -> Iterator[tuple[Path, int]]:
    if step.lines is not None:
        # The stage's own file first: its modules do what it says.
        for file in sorted(files, key=lambda file: not file.is_entry):
            yield from ((file.code.path, line) for line in step.lines(file))


def _around(target: Target, entry: Path) -> Iterator[Item]:
    folder = target.folder or entry.parent
    for text, path in (
        ("stage.yaml declares the stage", folder / "stage.yaml"),
        ("a fixture tries it in its image", folder / "fixture"),
    ):
        state = State.DONE if path.exists() else State.MISSING
        yield Item(part=TEST, text=text, state=state, path=path)
