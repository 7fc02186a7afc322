"""Options that several verbs share, and how their texts are read."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from runner.cli.context import Context
from runner.errors import UsageError
from runner.project.config import LIMIT_NAMES
from runner.project.quantity import parse_duration

Function = TypeVar("Function", bound=Callable[..., Any])

FOREVER: Final = float("inf")
PLACE: Final = click.Path(path_type=Path, readable=False)
"""A word that names a job or a film. Who opens it says what is wrong with it, and with it alone."""
LIMIT_HELP: Final = {
    "cpus": "Processors, such as 1.5.",
    "memory": "Memory, such as 6GiB.",
    "tmp": "Size of /tmp; it counts as memory.",
    "shm": "Size of /dev/shm.",
    "pids": "Processes and threads.",
    "timeout": "Time limit, such as 90m or 1:30:00.",
    "gpu_memory": "Memory to reserve on a GPU, or all.",
    "gpus": "GPUs to reserve it on.",
    "disk": "Space that must be free for its results.",
}


def common_options(function: Function) -> Function:
    """Give a command ``--project``, ``--json``, ``-q`` and ``-v``, as they stand before verbs."""
    folder = click.Path(path_type=Path)
    options = (
        click.option(
            "--project", "project_folder", type=folder, metavar="DIR", help="The project."
        ),
        click.option(
            "--json",
            "json",
            is_flag=True,
            help="Print JSON: one object a line while running, one document for a report.",
        ),
        click.option("--quiet", "-q", is_flag=True, help="Print errors and the result only."),
        click.option("--verbose", "-v", is_flag=True, help="Print what stages log, too."),
    )
    for option in reversed(options):
        function = option(function)
    for parameter in getattr(function, "__click_params__", ())[-len(options) :]:
        parameter.expose_value = False
        parameter.callback = _remember
    return function


def _remember(call: click.Context, parameter: click.Parameter, value: object) -> None:
    context = call.find_object(Context)
    if value and context is not None and parameter.name is not None:
        setattr(context, parameter.name, value)


def run_options(function: Function) -> Function:
    """Give a command the options of everything that runs stages."""
    options = (
        click.option("--force", is_flag=True, help="Run even if the last result is still good."),
        click.option("--build", is_flag=True, help="First build the images that need it."),
        click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting."),
        click.option("--wait", metavar="[TIME]", help="Wait for a busy stage or a free place."),
        click.option("--no-retry", is_flag=True, help="Leave it at one attempt."),
        click.option(
            "--dev", is_flag=True, help="Use the code as it is now, not the image's copy."
        ),
    )
    for option in reversed(options):
        function = option(function)
    return limit_options(function)


def limit_options(function: Function) -> Function:
    """Give a command an option for every limit, handed over together as keyword arguments."""
    for name in reversed(LIMIT_NAMES):
        flag = f"--{name.replace('_', '-')}"
        function = click.option(flag, name, metavar="LIMIT", help=LIMIT_HELP[name])(function)
    return function


def parse_settings(texts: Iterable[str]) -> dict[str, str]:
    """``KEY=VALUE`` pairs, later ones winning. Raises UsageError."""
    found = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key:
            msg = f"--set {text}: write a key and its value, as in --set KEY=VALUE."
            raise UsageError(msg)
        found[key] = value
    return found


class WaitingCommand(click.Command):
    """A command whose ``--wait`` may stand without a time: then it waits as long as it takes."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give ``--wait`` its value unless the next word is one."""
        return super().parse_args(ctx, list(_with_wait_time(args)))


def _with_wait_time(words: list[str]) -> Iterable[str]:
    for number, word in enumerate(words):
        following = words[number + 1] if number + 1 < len(words) else ""
        is_bare = word == "--wait" and "--" not in words[:number]
        yield "--wait=" if is_bare and not _is_duration(following) else word


def _is_duration(text: str) -> bool:
    try:
        parse_duration(text)
    except ValueError:
        return False
    return True


def wait_seconds(text: str | None) -> float:
    """Seconds of ``--wait``; nothing behind it means as long as it takes. Raises UsageError."""
    if text is None:
        return 0.0
    if not text:
        return FOREVER
    try:
        return parse_duration(text)
    except ValueError as problem:
        msg = f"--wait {text}: {problem}."
        raise UsageError(msg) from None
