"""A small file to try a new stage with, for what it reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from runner.errors import FixtureError, UsageError
from runner.fixture.fixture import OF_THE_PROJECT, load_fixture
from runner.job.input_files import name_inside, real_file
from runner.project.pipeline import JOB_INPUT, Project
from runner.project.stage import Source
from runner.run.giving import gifts
from runner.template.filling import filled

TEXTS: Final = {
    ".txt": "A first line.\n",
    ".json": '{"text": "A first line."}\n',
    ".tsv": "source\ttarget\none\tuno\n",
    ".csv": "source,target\none,uno\n",
    ".srt": "1\n00:00:01,000 --> 00:00:02,000\nA first line.\n",
    ".vtt": "WEBVTT\n\n00:01.000 --> 00:02.000\nA first line.\n",
}
SOUND: Final = ".wav"
MAKER: Final = "make.py"
OF_A_FIXTURE: Final = frozenset({"fixture.yaml", "expect.yaml"})


@dataclass(frozen=True, kw_only=True)
class Example:
    """The name of an example in a fixture, the files to lay beside it, and what makes it."""

    name: str
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    make: str | None = None


def example_for(source: Source, project: Project, file: Path | None) -> Example:
    """The user's own example, one that another fixture has, or a very small file.

    Raises UsageError when there is none, or the user's own is not what the source gives.
    """
    if file is not None:
        if source.stage != JOB_INPUT:
            gifts(project, {str(source): (file,)})
        name = name_inside(file)
        if name in OF_A_FIXTURE:
            msg = f"--example {file}: a fixture has a file {name} of its own; give it another name."
            raise UsageError(msg)
        return Example(name=name, files={name: real_file(file).read_bytes()})
    if source.stage == JOB_INPUT:
        return Example(name="example.txt", files={"example.txt": TEXTS[".txt"]})
    if known := _from_fixtures(source, project):
        return Example(name=known)
    output = project.output(source)
    pattern = PurePosixPath(output.file if output else "")
    name = pattern.name.replace("*", "example")
    if pattern.suffix == SOUND:
        maker = filled("make_wav.py.in", {"file": name})
        return Example(name=name, files={MAKER: maker}, make=MAKER)
    if output is None or output.schema is not None or pattern.suffix not in TEXTS:
        msg = (
            f"a new stage is tested with an example of what it reads, and nothing here has one of "
            f"{source}. Give a small file: --example FILE"
        )
        raise UsageError(msg)
    return Example(name=name, files={name: TEXTS[pattern.suffix]})


def _from_fixtures(source: Source, project: Project) -> str | None:
    """The name of a file that another stage's fixture has for the same source."""
    for stage in project.stages.values():
        try:
            fixture = load_fixture(stage)
        except FixtureError:
            continue
        for name in fixture.cases[0].have.get(str(source), ()):
            if name.startswith(OF_THE_PROJECT):
                return name
            if (fixture.folder / name).is_file():
                return f"{OF_THE_PROJECT}{(fixture.folder / name).relative_to(project.root)}"
    return None
