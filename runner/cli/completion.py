"""``stagerun completion SHELL``: the script that teaches a shell the verbs, stages and options."""

import click
from click.shell_completion import ShellComplete, get_completion_class

from runner.cli.options import common_options
from runner.errors import UsageError

VARIABLE = "_STAGERUN_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@common_options
@click.pass_context
def command(call: click.Context, shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    bash   eval "$(stagerun completion bash)"            in ~/.bashrc
    zsh    eval "$(stagerun completion zsh)"             in ~/.zshrc
    fish   stagerun completion fish | source             in ~/.config/fish/config.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        msg = f"this version of click cannot complete in {shell}. Install a newer one."
        raise UsageError(msg)
    completer = kind(call.find_root().command, {}, "stagerun", VARIABLE)
    # Not its own source(): for bash that starts a shell to look at the version of this one.
    click.echo(ShellComplete.source(completer))
