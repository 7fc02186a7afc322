"""A new stage in a project: its spec, its code and its fixture."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.errors import UsageError
from runner.host.recipes import Recipes
from runner.project.pipeline import JOB_INPUT, Project
from runner.project.stage import JOB_FOLDERS, STAGE_FOLDER, Source, stage_name, stage_number
from runner.suggestion import closest
from runner.template.example import Example, example_for
from runner.template.filling import filled_folder, put_down

NAME: Final = re.compile(r"(\d{1,3}_)?[a-z][a-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class StageRequest:
    """The stage that is wanted: its id, what it reads, its parent image, an example to test with.

    ``source`` is ``STAGE``, ``STAGE/OUTPUT`` or ``input/NAME``; a stage alone means its first
    output.
    """

    id: str
    source: str
    parent: str
    example: Path | None = None


def make_stage(request: StageRequest, project: Project) -> Path:
    """Write the stage; returns its folder.

    Raises UsageError for a name that is bad or taken, and its kin for what is not there.
    """
    _check_name(request.id, project)
    source = _source(request.source, project)
    _check_parent(request.parent, project)
    example = example_for(source, project, request.example)
    files = stage_files(request.id, source, request.parent, example)
    folder = project.root / "stages" / request.id
    put_down(folder, files)
    return folder


def stage_files(
    stage_id: str, source: Source, parent: str, example: Example
) -> dict[str, str | bytes]:
    """The files of a new stage by their path in its folder."""
    is_input = source.stage == JOB_INPUT
    values = {
        "id": stage_id,
        "key": re.sub(r"[^A-Z0-9]", "_", stage_name(stage_id).upper()),
        "parent": parent,
        "input": source.output,
        "source": str(source),
        "reference": json.dumps(source.output if is_input else str(source)),
    }
    group = f"input: {{{source.output}: " if is_input else f"have: {{{source}: "
    made = f"make: {example.make} # writes {example.name}\n" if example.make else ""
    name = json.dumps(example.name, ensure_ascii=False)  # which is YAML, too
    fixture = f"# The job that the stage is tested with.\n{made}{group}{name}}}\n"
    return {
        **filled_folder("stage", values),
        "fixture/fixture.yaml": fixture,
        **{f"fixture/{name}": content for name, content in example.files.items()},
    }


def _check_name(stage_id: str, project: Project) -> None:
    if not NAME.fullmatch(stage_id) or not STAGE_FOLDER.fullmatch(stage_id):
        msg = (
            f"{stage_id!r} is no name for a stage: write a number and a word in small letters, as "
            "in 11_shots."
        )
        raise UsageError(msg)
    if stage_id in JOB_FOLDERS:
        msg = f"every job has a folder {stage_id}/ of its own; give the stage another name."
        raise UsageError(msg)
    if (project.root / "stages" / stage_id).exists():
        msg = f"{project.root / 'stages' / stage_id} is there already; take another name."
        raise UsageError(msg)
    number, name = stage_number(stage_id), stage_name(stage_id)
    for other in project.stages.values():
        if number is not None and other.number == number:
            msg = f"{other.id} has the number {number} already; take another one."
            raise UsageError(msg)
        if other.name == name:
            msg = f"{other.id} has the name {name} already; take another one."
            raise UsageError(msg)


def _source(text: str, project: Project) -> Source:
    stage_text, _, output = text.partition("/")
    if stage_text == JOB_INPUT:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", output):
            msg = f"--from {text}: name a file of the job, as in --from input/media."
            raise UsageError(msg)
        return Source(stage=JOB_INPUT, output=output)
    stage = project.stage(stage_text)
    names = [item.name for item in stage.outputs]
    if not output and names:
        return Source(stage=stage.id, output=names[0])
    if output not in names:
        close = closest(output, names)
        hint = f"did you mean {stage.id}/{close}?" if close else f"there are: {', '.join(names)}."
        msg = f"--from {text}: {stage.id} has no such output; {hint}"
        raise UsageError(msg)
    return Source(stage=stage.id, output=output)


def _check_parent(name: str, project: Project) -> None:
    known = Recipes(project).parent_names()
    if name not in known:
        close = closest(name, known)
        hint = f"did you mean {close}?" if close else f"there are: {', '.join(known)}."
        place = project.root / "images" / name / "Dockerfile"
        msg = f"--parent {name}: there is no {place}; {hint}"
        raise UsageError(msg)
