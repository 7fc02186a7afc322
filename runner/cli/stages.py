"""``stagerun stages``: what the project consists of."""

import sys
from typing import Any, Final

import click

from runner.cli.context import Context
from runner.cli.graph import LETTERS, LINES, drawing, mermaid
from runner.cli.options import common_options
from runner.cli.reporting import answer, say
from runner.cli.tables import Cell, table
from runner.observers.style import is_unicode, paint
from runner.project.edges import edges
from runner.project.stage import MAIN, Conditions, Key, Model, Parent, StageSpec

HEADERS: Final = ("stage", "summary", "gpu", "parents", "inputs → outputs")


@click.command("stages", short_help="Draw and list the project's stages.")
@click.option("--mermaid", "as_mermaid", is_flag=True, help="Print the graph as Mermaid text only.")
@common_options
@click.pass_obj
def command(context: Context, *, as_mermaid: bool) -> None:
    """Draw which stage reads from which, and list what they do, need, read and write.

    With -v also their variants, models and keys.
    """
    project = context.project
    if as_mermaid and not context.json:
        say("\n".join(mermaid(project)))
        return
    document = {
        "schema_version": 1,
        "project": project.settings.name,
        "root": project.root,
        "workflows": {
            name: [str(source) for source in sources]
            for name, sources in project.settings.workflows.items()
        },
        "stages": [_document(stage) for stage in project.stages.values()],
        "edges": [
            {
                "from": str(edge.source),
                "to": edge.stage,
                "input": edge.input,
                "optional": edge.optional,
                "rank": edge.rank,
            }
            for edge in edges(project)
        ],
    }
    answer(context, document, lambda: _lines(context))


def _document(stage: StageSpec) -> dict[str, Any]:
    return {
        "id": stage.id,
        "summary": stage.summary,
        "gpu": stage.gpu,
        "parents": {name: parent.image for name, parent in stage.parents.items()},
        "variants": stage.parents,
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
        "models": stage.models,
    }


def _lines(context: Context) -> list[str]:
    stages = list(context.project.stages.values())
    lines = _graph(context)
    if not context.verbose:
        return lines + table([_row(stage) for stage in stages], HEADERS, colour=context.colour)
    for stage in stages:
        lines += table([_row(stage)], colour=context.colour)
        rows = [_variant_row(name, parent) for name, parent in stage.parents.items()]
        rows = rows if MAIN not in stage.parents else []
        rows += [_model_row(model) for model in stage.models]
        lines += [f"    {line}" for line in table(rows)]
        lines += [f"    {line}" for line in table([_key_row(key) for key in stage.config.values()])]
    return lines


def _graph(context: Context) -> list[str]:
    strokes = LINES if is_unicode(sys.stdout.encoding) else LETTERS
    drawn = drawing(context.project, strokes=strokes)
    if not drawn:
        return []
    known, colour = context.project.stages, context.colour
    lines = [
        f"{text}  {paint(name, 'strong' if name in known else 'dim', on=colour)}"
        for text, name in drawn
    ]
    legend = f"{strokes.needed} reads, {strokes.optional} reads where it is there"
    return [*lines, paint(legend, "dim", on=colour), ""]


def _variant_row(name: str, parent: Parent) -> list[str]:
    return [f"variant {name}", parent.image, _condition(parent.when)]


def _model_row(model: Model) -> list[str]:
    return [f"model {model.name}", model.folder, _condition(model.when)]


def _condition(when: Conditions) -> str:
    parts = [f"{key} is {' or '.join(values)}" for key, values in when.items()]
    return ("if " + " and ".join(parts)) if parts else "always"


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
