"""``stagerun gpus``: where the GPUs of this machine stand, once or redrawn until told to stop."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import click

from runner.cli.context import Context
from runner.cli.options import common_options
from runner.cli.reporting import answer, plain
from runner.cli.tables import Cell, one_line, table
from runner.errors import UsageError
from runner.gpu.box import GpuBox
from runner.observers.lines import shortened_from
from runner.observers.style import UNICODE, paint
from runner.project.quantity import duration_text, limit_text, parse_duration
from runner.run.gpu_report import (
    GpuHealth,
    GpuReport,
    GpuStatus,
    RunOnGpu,
    Stranger,
    WaitingRun,
    gpu_report,
)

USUAL_INTERVAL: Final = "2s"
SHORTEST_INTERVAL: Final = 0.1
UNKNOWN: Final = UNICODE.skipped
ROLES: Final = {
    GpuHealth.OK: "good",
    GpuHealth.SICK: "warn",
    GpuHealth.WITHHELD: "dim",
    GpuHealth.SILENT: "bad",
}
WHO: Final = ("GPU", "name", "UUID", "health")
FIGURES: Final = (
    "GPU", "memory", "used", "reserved", "strangers", "free", "busy", "power", "temp",
)  # fmt: skip


@click.command("gpus", short_help="Show the GPUs, who holds them and who waits.")
@click.option("--watch", is_flag=True, help="Go on until q or Ctrl-C.")
@click.option(
    "--interval",
    metavar="TIME",
    default=USUAL_INTERVAL,
    show_default=True,
    help="Time between two looks of --watch.",
)
@common_options
@click.pass_obj
def command(context: Context, /, watch: bool, interval: str) -> int:
    """Show each GPU of this machine: its memory, its load, its health, the runs that hold it, and
    who waits for what behind whom.

    Memory counts as reserved when a run has a right to it, and as strangers' when anything else
    holds it, the driver included. The exit code is 0 also where there is no GPU.
    """
    seconds = seconds_of(interval)
    box = machine_gpus(context)
    if not watch:
        report = gpu_report(box)
        answer(context, _document(report), lambda: lines_of(report, colour=context.colour))
        return 0
    from runner.cli.redrawing import redraw, repeat

    shorten = shortened_from(str(context.folder))

    def block() -> list[str]:
        head = f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"
        head += f", every {interval}; q ends" if context.terminal else ""
        shown = lines_of(gpu_report(box), colour=context.colour)
        return [shorten(line) for line in (head, "", *shown)]

    if context.json:
        repeat(lambda: json.dumps(plain(_document(gpu_report(box)))), seconds)
    elif context.terminal:
        redraw(block, seconds)
    else:
        repeat(lambda: "\n".join([*block(), ""]), seconds)
    return 0


def machine_gpus(context: Context) -> GpuBox:
    """The GPUs and their ledger as the project's settings have them, or as they are without one."""
    from runner.project.settings import load_settings
    from runner.run.gpu_request import machine_box

    project = context.nearby_project()
    sharing = project.settings.gpu if project else load_settings(context.folder).gpu
    return machine_box(sharing, context.host)


def seconds_of(interval: str) -> float:
    """The time between two looks. Raises UsageError."""
    try:
        seconds = parse_duration(interval)
    except ValueError as problem:
        msg = f"--interval {interval}: {problem}."
        raise UsageError(msg) from None
    if seconds < SHORTEST_INTERVAL:
        msg = f"--interval {interval}: {SHORTEST_INTERVAL}s is the shortest."
        raise UsageError(msg)
    return seconds


def _document(report: GpuReport) -> dict[str, Any]:
    return {"schema_version": 1, **plain(report)}


def lines_of(report: GpuReport, *, colour: bool) -> list[str]:
    """The report for people, within 80 columns but for names of jobs."""
    lines = [f"driver {one_line(report.driver_version)}"] if report.driver_version else []
    lines += [f"no GPU: {one_line(report.absence)}"] if report.absence else []
    for part in (_gpus(report, colour=colour), _holders(report), _line_of(report)):
        lines += ["", *part] if part else []
    for gpu in report.gpus:
        if gpu.detail:
            lines += [
                "",
                f"GPU {gpu.number or gpu.uuid or UNKNOWN} is {gpu.health}: {one_line(gpu.detail)}",
            ]
    for problem in report.problems:
        lines += ["", paint(one_line(problem), "warn", on=colour)]
    return lines


def _gpus(report: GpuReport, *, colour: bool) -> list[str]:
    if not report.gpus:
        return []
    who: list[list[str | Cell]] = [
        [
            gpu.number or UNKNOWN,
            gpu.name or UNKNOWN,
            gpu.uuid or UNKNOWN,
            Cell(gpu.health, ROLES[gpu.health]),
        ]
        for gpu in report.gpus
    ]
    figures = [_figures(gpu) for gpu in report.gpus]
    return [*table(who, WHO, colour=colour), "", *table(figures, FIGURES, colour=colour)]


def _figures(gpu: GpuStatus) -> list[str]:
    sizes = (
        gpu.memory_total_bytes, gpu.memory_used_bytes, gpu.reserved_bytes, gpu.strangers_bytes,
        gpu.free_bytes,
    )  # fmt: skip
    return [
        gpu.number or UNKNOWN,
        *(_size(size) for size in sizes),
        UNKNOWN if gpu.utilisation is None else f"{gpu.utilisation:.0%}".replace("%", " %"),
        UNKNOWN if gpu.power_watts is None else f"{gpu.power_watts:.0f} W",
        UNKNOWN if gpu.temperature_celsius is None else f"{gpu.temperature_celsius} °C",
    ]


def _holders(report: GpuReport) -> list[str]:
    rows = [
        [gpu.number or UNKNOWN, _size(holder.memory_bytes), _holder(holder)]
        for gpu in report.gpus
        for holder in _all_on(gpu)
    ]
    return table(rows, ("GPU", "memory", "held by")) if rows else []


def _all_on(gpu: GpuStatus) -> Iterator[RunOnGpu | Stranger]:
    yield from gpu.runs
    yield from gpu.strangers


def _holder(holder: RunOnGpu | Stranger) -> str:
    if isinstance(holder, Stranger):
        name = f" ({holder.name})" if holder.name else ""
        return f"process {holder.pid}{name}, of no run"
    of_job = f"{holder.stage} of {holder.job} ({holder.user})"
    if holder.ended:
        return f"left by {of_job}, which has ended"
    return f"{of_job}, run {holder.run_id}" if holder.run_id else f"{of_job}, about to start"


def _line_of(report: GpuReport) -> list[str]:
    """Who waits, the first in the line at the front."""
    return [line for waiting in report.waiting for line in _waiting(waiting)]


def _waiting(run: WaitingRun) -> Iterator[str]:
    size = "memory" if run.memory_bytes is None else limit_text(run.memory_bytes)
    asked = "all memory" if run.whole else size
    where = "a GPU" if run.gpus == 1 else f"each of {run.gpus} GPUs"
    who = f"{run.stage} of {run.job} ({run.user})"
    yield one_line(f"{who} has waited {duration_text(run.seconds)} for {asked} of {where}")
    if run.memory_bytes is None:
        yield "  until there are as many that can be used"
    else:
        for name in run.behind or ("other programs",):
            yield f"  behind {one_line(name)}"


def _size(size: int | None) -> str:
    return UNKNOWN if size is None else limit_text(size)
