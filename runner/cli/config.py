"""``stagerun config STAGE [JOB]``: every value of a stage, and where it was set."""

from pathlib import Path
from typing import Final

import click

from runner.cli.context import Context
from runner.cli.options import common_options, limit_options, parse_settings
from runner.cli.reporting import answer, is_job, stage_and_job
from runner.cli.tables import Cell, table
from runner.host.machine import cpu_count
from runner.job.folder import Job
from runner.project.config import (
    LIMIT_NAMES,
    NO_JOB,
    ResolvedLimits,
    Value,
    amount_text,
    parse_limits,
    resolve_config,
    resolve_limits,
)
from runner.project.stage import MAIN, StageSpec
from runner.run.variant import allowed_variants, gpu_variant

HEADERS: Final = ("key", "value", "from")
USAGE: Final = "config STAGE [JOB]"


@click.command("config", short_help="Show a stage's settings and limits, and where they come from.")
@click.argument("words", nargs=-1, metavar="STAGE [JOB]")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Try this setting.")
@limit_options
@common_options
@click.pass_obj
def command(
    context: Context, /, words: tuple[str, ...], settings: tuple[str, ...], **limits: str | None
) -> None:
    """Show every setting and limit of STAGE (in JOB) with the place it was set at.

    Secrets are named, never shown.
    """
    stage, job = _places(context, words)
    layer = NO_JOB if job is None else job.layer
    values = resolve_config(stage, context.project, layer, parse_settings(settings))
    asked = parse_limits({name: text for name, text in limits.items() if text is not None})
    allowed = allowed_variants(stage, values)
    variant = gpu_variant(stage, allowed) or allowed[0]
    resolved = resolve_limits(stage, context.project, layer, asked, variant)
    known = context.project.settings.secrets
    secrets = {name: known.get(name) for name in stage.secrets}
    document = {
        "schema_version": 1,
        "stage": stage.id,
        "job": None if job is None else job.root,
        "config": values,
        "variants": allowed,
        "limits": {
            name: {"value": getattr(resolved.values, name), "source": resolved.sources[name]}
            for name in LIMIT_NAMES
        },
        "secrets": {name: {"file": path} for name, path in secrets.items()},
    }
    answer(context, document, lambda: _lines(context, stage, values, resolved, secrets, allowed))


def _places(context: Context, words: tuple[str, ...]) -> tuple[StageSpec, Job | None]:
    if len(words) == 1 and not is_job(words[0]):
        return context.project.stage(words[0]), None
    return stage_and_job(context, words, USAGE)


def _lines(
    context: Context,
    stage: StageSpec,
    values: dict[str, Value],
    limits: ResolvedLimits,
    secrets: dict[str, Path | None],
    allowed: tuple[str, ...],
) -> list[str]:
    rows: list[list[str | Cell]] = []
    for key, value in values.items():
        role = "dim" if value.source.startswith("default") else ""
        shown = "not set" if value.value is None else value.value or '""'
        rows.append([Cell(key, "strong"), shown, Cell(value.source, role)])
        if context.verbose:
            rows.append(["", Cell(stage.config[key].help, "dim")])
    if MAIN not in stage.parents:
        images = ", ".join(stage.parents[name].image for name in allowed)
        rows.append([Cell("variant", "strong"), " or ".join(allowed), f"image {images}"])
    rows += [
        [Cell(name, "strong"), *_limit(name, getattr(limits.values, name), limits.sources[name])]
        for name in LIMIT_NAMES
        if getattr(limits.values, name) is not None
    ]
    rows += [
        [Cell(f"secret {name}", "strong"), "given" if path else "not given", _secret(name, path)]
        for name, path in secrets.items()
    ]
    return table(rows, HEADERS, colour=context.colour)


def _limit(name: str, value: float | str, source: str) -> tuple[str, str]:
    if name == "cpus" and float(value) > cpu_count():
        source = f"{source}; this machine has {cpu_count()}"
    return amount_text(name, value), source


def _secret(name: str, path: Path | None) -> str:
    if path is None:
        return f"stagerun.yaml: secrets.{name} is not set"
    return f"{path}" if path.is_file() else f"{path} is not there"
