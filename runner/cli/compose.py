"""``stagerun compose``: the stages as Compose files, made of the specs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from runner.cli.context import Context
from runner.cli.options import common_options
from runner.cli.reporting import answer, say
from runner.errors import UsageError

DRIFTED: Final = 1
STANDARD_OUTPUT: Final = "-"


@click.command("compose", short_help="Write the stages as Compose files.")
@click.option("--gpu", is_flag=True, help="Only the file of what gets a GPU.")
@click.option(
    "-o", "--output", "target", metavar="FILE", help="Write one file there; - is standard output."
)
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit code 1 if it would.")
@common_options
@click.pass_obj
def command(context: Context, /, gpu: bool, target: str | None, only_check: bool) -> int:
    """Write compose/compose.yaml and compose/compose.gpu.yaml, the stages for work by hand.

    They have the images, mounts, user, limits and sandbox that runs have.
    """
    from runner.run.compose_file import FILE, GPU_FILE, compose_files

    texts = compose_files(context.project)
    names = (GPU_FILE,) if gpu else (FILE, GPU_FILE)
    wanted = {context.project.root / name: texts[name] for name in names}
    if target is not None:
        text = _asked(texts[names[0]], gpu=gpu)
        if target == STANDARD_OUTPUT:
            return _print(text, only_check=only_check)
        wanted = {context.folder / target: text}
    drifted = [path for path, text in wanted.items() if _differs(path, text)]
    if not only_check:
        for path in drifted:
            _write(path, wanted[path])
    files = [path for path, text in wanted.items() if text is not None or path in drifted]
    document = {"schema_version": 1, "checked": only_check, "files": files, "drifted": drifted}
    answer(context, document, lambda: _lines(wanted, files, drifted, only_check=only_check))
    return DRIFTED if only_check and drifted else 0


def _asked(text: str | None, *, gpu: bool) -> str:
    if text is None:
        which = "gets a GPU" if gpu else "runs without a GPU"
        msg = f"no stage of this project {which}, so there is nothing to write."
        raise UsageError(msg)
    return text


def _print(text: str, *, only_check: bool) -> int:
    if only_check:
        msg = "--check compares with a file, and -o - names none."
        raise UsageError(msg)
    say(text.rstrip("\n"))
    return 0


def _differs(path: Path, text: str | None) -> bool:
    """Whether a file is not as the specs say; one that somebody else wrote may lie beside them."""
    from runner.run.compose_file import HEADER

    try:
        written = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return text is not None
    return written.startswith(HEADER) if text is None else written != text


def _write(path: Path, text: str | None) -> None:
    try:
        if text is None:
            path.unlink()
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        msg = f"{path} cannot be written: {problem.strerror}. Name another place with -o FILE."
        raise UsageError(msg) from None


def _lines(
    wanted: Mapping[Path, str | None], files: list[Path], drifted: list[Path], *, only_check: bool
) -> list[str]:
    def about(path: Path) -> str:
        if path not in drifted:
            return "as the specs say"
        if only_check:
            return "is not what the specs say; write it: stagerun compose"
        return "written" if wanted[path] is not None else "removed: no stage needs it any more"

    return [f"{path}: {about(path)}" for path in files]
