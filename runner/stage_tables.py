"""The tables of ``docs/stages.md`` that are made of the specs: keys, variants, models and limits.

They stand between ``<!-- keys 06_asr -->`` and ``<!-- /keys -->``, the graph likewise between
``<!-- graph -->`` and ``<!-- /graph -->``; ``runner.schema_files`` writes them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from runner.cli.graph import drawing
from runner.project.config import LIMIT_NAMES, amount_text
from runner.project.pipeline import Project
from runner.project.stage import MAIN, Conditions, Key, Model, Resources, StageSpec

PAGE: Final = Path("docs/stages.md")
PART: Final = re.compile(r"^<!-- keys (\S+) -->\n.*?^<!-- /keys -->$", re.MULTILINE | re.DOTALL)
GRAPH: Final = re.compile(r"^<!-- graph -->\n.*?^<!-- /graph -->$", re.MULTILINE | re.DOTALL)


def filled(text: str, project: Project) -> str:
    """The page with its tables as the specs are now. Raises UnknownStageError."""

    def part(found: "re.Match[str]") -> str:
        tables = "\n\n".join(_tables(project.stage(found[1]), project))
        return f"<!-- keys {found[1]} -->\n\n{tables}\n\n<!-- /keys -->"

    drawn = "\n".join(f"{lines}  {name}" for lines, name in drawing(project))
    graph = f"<!-- graph -->\n\n```\n{drawn}\n```\n\n<!-- /graph -->"
    return GRAPH.sub(lambda _: graph, PART.sub(part, text))


def _tables(stage: StageSpec, project: Project) -> Iterator[str]:
    if stage.config:
        rows = [_key_row(key) for key in stage.config.values()]
        yield _table(("key", "values", "default", "meaning"), rows)
    if MAIN not in stage.parents:
        variants = stage.parents.items()
        rows = [(f"`{name}`", f"`{it.image}`", _condition(it.when)) for name, it in variants]
        yield _table(("variant", "image", "runs"), rows)
    if stage.models:
        rows = [(f"`{it.folder}`", _files(it), _condition(it.when)) for it in stage.models]
        yield _table(("model", "files", "needed"), rows)
    yield _table(("limit", "value"), list(_limit_rows(stage, project)))


def _files(model: Model) -> str:
    files = ", ".join(" or ".join(f"`{name}`" for name in one_of) for one_of in model.files)
    return files if model.subfolders is None else f"{files}; or each folder `{model.subfolders}`"


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(cell.strip() for cell in row)} |" for row in lines)


def _key_row(key: Key) -> Sequence[str]:
    default = "not set" if key.default is None else f"`{key.default}`" if key.default else "empty"
    return (f"`{key.name}`", _values(key), default, _plain(key.help))


def _values(key: Key) -> str:
    if key.of is not None:
        return ", ".join(f"`{value}`" for value in key.of)
    words = {
        "str": "text",
        "int": "whole number",
        "float": "number",
        "bool": "`true`, `false`",
        "list": "words",
        "path": "path inside the job",
    }
    if key.range is None:
        return words[key.type]
    return f"{words[key.type]}, {key.range[0]:g} to {key.range[1]:g}"


def _plain(text: str) -> str:
    """A text that neither ends a cell nor becomes a tag."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def _condition(when: Conditions) -> str:
    parts = [
        f"`{key}` is {' or '.join(f'`{value}`' for value in values)}"
        for key, values in when.items()
    ]
    return " and ".join(parts) or "always"


def _limit_rows(stage: StageSpec, project: Project) -> Iterator[tuple[str, str]]:
    limits = project.settings.limits
    for name in LIMIT_NAMES:
        value = getattr(stage.resources, name)
        value = getattr(limits, name, None) if value is None else value
        texts = [] if value is None else [amount_text(name, value)]
        texts += [
            f"{amount_text(name, own)} in the variant `{variant}`"
            for variant, parent in stage.parents.items()
            if (own := _own(parent.resources, name)) is not None and own != value
        ]
        if texts:
            yield f"`{name}`", "; ".join(texts)


def _own(resources: Resources, name: str) -> float | str | None:
    value: float | str | None = getattr(resources, name)
    return value
