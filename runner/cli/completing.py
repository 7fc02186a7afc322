"""What the shell offers while a command is typed."""

import contextlib
from collections.abc import Iterable

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


def complete_models(
    call: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What may follow the words behind ``stagerun models``."""
    words: tuple[str, ...] = call.params.get(parameter.name or "") or ()
    match words:
        case ():
            # The shell forgets what stands before a folder.
            jobs = [CompletionItem(incomplete, type="dir")]
            return jobs + _beginning(("add", "verify"), incomplete)
        case ("add",):
            return _beginning(_models(call, wished=True), incomplete)
        case ("add", _):
            return [CompletionItem(incomplete, type="file")]
        case ("verify",):
            return _beginning(_models(call, wished=False), incomplete)
        case _:
            return []


def _models(call: click.Context, *, wished: bool) -> list[str]:
    from runner.run.models import known_names

    context = call.find_object(Context) or Context()
    with contextlib.suppress(StagerunError):
        return known_names(context.project, wished=wished)
    return []


def _beginning(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
