"""The verbs, each imported only when it is called; any other first word names a stage."""

import importlib
from dataclasses import dataclass
from typing import Final

import click

from runner.cli.completing import complete_stage
from runner.cli.context import Context
from runner.cli.options import common_options
from runner.errors import UnknownStageError, UsageError
from runner.suggestion import closest
from runner.version import VERSION


@dataclass(frozen=True)
class Verb:
    """A verb: its heading in the help, and what the help says of it."""

    heading: str
    summary: str

    def load(self, name: str) -> click.Command:
        """The command in the verb's own module."""
        command: click.Command = importlib.import_module(f"runner.cli.{name}").command
        return command


WORK: Final = "Run"
LOOK: Final = "Look"
AUTHOR: Final = "Write stages"
MAINTAIN: Final = "Images, models and machine"

VERBS: Final[dict[str, Verb]] = {
    "run": Verb(WORK, "Run the stages of jobs, or of a film."),
    "init": Verb(WORK, "Make a job directory."),
    "cancel": Verb(WORK, "Stop what runs in a job."),
    "restore": Verb(WORK, "Bring the previous good result of a stage back."),
    "status": Verb(LOOK, "Show where the stages of a job stand."),
    "logs": Verb(LOOK, "Show the log of a stage, or of the last pipeline run."),
    "why": Verb(LOOK, "Say why a stage ended as it did, and why it would run again."),
    "diff": Verb(LOOK, "Compare two runs."),
    "config": Verb(LOOK, "Show a stage's settings and limits, and where they come from."),
    "validate": Verb(LOOK, "Check the results of a job against its manifests."),
    "stages": Verb(LOOK, "Draw and list the project's stages."),
    "new": Verb(AUTHOR, "Write a new stage, or a new project."),
    "check": Verb(AUTHOR, "Hold stage code and Dockerfiles against the rules."),
    "test": Verb(AUTHOR, "Hold stage images against their fixtures."),
    "compose": Verb(MAINTAIN, "Write the stages as Compose files, for work by hand."),
    "build": Verb(MAINTAIN, "Build images that are missing or older than their sources."),
    "images": Verb(MAINTAIN, "List images, look into them, lock, carry and share them."),
    "models": Verb(MAINTAIN, "Show, add or verify the models that stages need."),
    "reap": Verb(MAINTAIN, "Remove what dead runners left."),
    "clean": Verb(MAINTAIN, "Remove what is no longer needed."),
    "gpus": Verb(MAINTAIN, "Show the GPUs, who holds them and who waits."),
    "metrics": Verb(MAINTAIN, "Write figures of GPUs and runs for Prometheus."),
    "doctor": Verb(MAINTAIN, "Check whether this machine can run the project."),
    "completion": Verb(MAINTAIN, "Print the completion script of a shell."),
}


class Verbs(click.Group):
    """The group of all verbs, and of the project's stages as commands of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of the help."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A verb, or the command that runs the stage of that name.

        Raises UsageError for a word that is neither.
        """
        if cmd_name in VERBS:
            return VERBS[cmd_name].load(cmd_name)
        if cmd_name.startswith("-"):
            return None
        from runner.cli.run import stage_command

        if not ctx.resilient_parsing:
            check_stage(ctx.ensure_object(Context), cmd_name)
        return stage_command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs under their headings."""
        del ctx
        for heading in (WORK, LOOK, AUTHOR, MAINTAIN):
            rows = [(name, verb.summary) for name, verb in VERBS.items() if verb.heading == heading]
            with formatter.section(heading):
                formatter.write_dl(rows)

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Verbs, stages, and the options that may stand before them."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=verb.summary)
            for name, verb in VERBS.items()
            if name.startswith(incomplete)
        ]
        found += complete_stage(ctx, ctx.command.params[0], incomplete)
        return found + click.Command.shell_complete(self, ctx, incomplete)


def check_stage(context: Context, word: str) -> None:
    """Raise UnknownStageError with a suggestion for a word that is neither verb nor stage."""
    close = closest(word, VERBS, likeness=0.7)
    try:
        context.project.stage(word)
    except UnknownStageError as problem:
        if not close or "did you mean" in str(problem):
            raise
        msg = f'no verb or stage "{word}"; did you mean {close}?'
        raise UnknownStageError(msg) from None
    except UsageError:
        if not close:
            raise
        msg = f'no verb "{word}"; did you mean {close}?'
        raise UsageError(msg) from None


@click.group(
    cls=Verbs,
    invoke_without_command=True,
    no_args_is_help=False,
    subcommand_metavar="VERB or STAGE …",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="stagerun VERB --help tells more.",
)
@common_options
@click.version_option(VERSION, prog_name="stagerun", message="%(prog)s %(version)s")
@click.pass_context
def group(call: click.Context) -> None:
    """Run each stage of a pipeline in its own container and hold it to its contract.

    \b
    stagerun run film.mkv           makes the job out/film and runs it
    stagerun run out/film           goes on where it stands
    stagerun 06_asr out/film        runs one stage ("asr" and "6" mean it, too)
    """
    if call.invoked_subcommand is None:
        click.echo(call.get_help())
