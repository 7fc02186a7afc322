"""``stagerun stages``: what the project consists of."""

from typing import Any, Final

import click

from runner.cli.context import Context
from runner.cli.options import common_options
from runner.cli.reporting import answer
from runner.cli.tables import Cell, table
from runner.project.stage import MAIN, Key, StageSpec

HEADERS: Final = ("stage", "summary", "gpu", "parents", "inputs → outputs")


@click.command("stages", short_help="List the project's stages.")
@common_options
@click.pass_obj
def command(context: Context) -> None:
    """List the project's stages: what they do, need, read and write; with -v their keys."""
    project = context.project
    document = {
        "schema_version": 1,
        "project": project.settings.name,
        "root": project.root,
        "workflows": {
            name: [str(source) for source in sources]
            for name, sources in project.settings.workflows.items()
        },
        "stages": [_document(stage) for stage in project.stages.values()],
    }
    answer(context, document, lambda: _lines(context))


def _document(stage: StageSpec) -> dict[str, Any]:
    return {
        "id": stage.id,
        "summary": stage.summary,
        "gpu": stage.gpu,
        "parents": {name: parent.image for name, parent in stage.parents.items()},
        "network": stage.network,
        "secrets": stage.secrets,
        "inputs": [
            {
                "name": item.name,
                "from": [str(source) for source in item.sources],
                "optional": item.optional,
            }
            for item in stage.inputs
        ],
        "outputs": stage.outputs,
        "config": list(stage.config.values()),
    }


def _lines(context: Context) -> list[str]:
    stages = list(context.project.stages.values())
    if not context.verbose:
        return table([_row(stage) for stage in stages], HEADERS, colour=context.colour)
    lines: list[str] = []
    for stage in stages:
        lines += table([_row(stage)], colour=context.colour)
        lines += [f"    {line}" for line in table([_key_row(key) for key in stage.config.values()])]
    return lines


def _row(stage: StageSpec) -> list[str | Cell]:
    variants = stage.parents.items()
    parents = ", ".join(
        parent.image if name == MAIN else f"{parent.image} ({name})" for name, parent in variants
    )
    inputs = [item.name + ("?" if item.optional else "") for item in stage.inputs]
    outputs = [item.name + ("?" if item.optional else "") for item in stage.outputs]
    flow = f"{', '.join(inputs) or 'nothing'} → {', '.join(outputs) or 'nothing'}"
    return [Cell(stage.id, "strong"), stage.summary, stage.gpu, parents, flow]


def _key_row(key: Key) -> list[str]:
    allowed = key.type
    if key.of is not None:
        allowed = " | ".join(key.of)
    elif key.range is not None:
        allowed = f"{key.type} {key.range[0]:g} to {key.range[1]:g}"
    return [key.name, allowed, "not set" if key.default is None else repr(key.default), key.help]
