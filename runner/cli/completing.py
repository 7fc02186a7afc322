"""What the shell offers while a command is typed."""

import contextlib

import click
from click.shell_completion import CompletionItem

from runner.cli.context import Context
from runner.errors import StagerunError


def complete_stage(
    call: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The project's stages whose id or name begins like that."""
    del parameter
    context = call.find_object(Context) or Context()
    # Where there is no project there is nothing to offer, and nobody to tell.
    with contextlib.suppress(StagerunError):
        return [
            CompletionItem(name, help=stage.summary)
            for stage in context.project.stages.values()
            for name in (stage.id, stage.name)
            if name.startswith(incomplete) and (name == stage.id or incomplete)
        ]
    return []
