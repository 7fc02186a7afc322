"""Hundreds of light jobs through two calls side by side, one of them killed again and again.

    python -m tests.soak.many_jobs --jobs 200

Every job has to end once and as it would alone; the speed is held against ``xargs -P2 docker run``
of the same images, before and after, and against as many at once as the calls have. Everything
happens in a folder of its own, which stays where
something was wrong.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.machine import machine_line
from runner.host.engine import DockerEngine
from runner.host.recipes import Recipes
from runner.project.pipeline import load_project
from tests.project_kit import ROOT, STAGERUN, STAGES, Kit, build_kit_images, make_kit
from tests.soak.crowd import taken_places
from tests.soak.invariants import check_documents, check_nothing_left, verdict_of
from tests.soak.page import runner_sources
from tests.soak.truth import truth_of
from tests.soak.violation import Violation

PAGE: Final = ROOT / "docs" / "many-jobs.md"
BEGIN, END = "<!-- written by make many-jobs -->\n", "<!-- as far as here -->\n"
PROCESSORS: Final = 2
"""How many containers ``xargs`` runs at once."""

AT_ONCE: Final = 3
"""Stages at once of each call: one that waits for the disk leaves its processor to another."""

CALL_SECONDS: Final = 1800.0
SHOWN: Final = 20
ALONE: Final = 3
"""Jobs that are run alone as well, to compare."""


@dataclass
class Many:
    """What came of it: jobs, kills, and how many stages a second there were of each kind."""

    jobs: int
    kills: int = 0
    seconds: float = 0.0
    again: int = 0
    docker_rate: float = 0.0
    crowded_rate: float = 0.0
    violations: list[Violation] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Stages a second through the two calls."""
        return self.jobs * len(STAGES) / self.seconds if self.seconds else 0.0

    @property
    def line(self) -> str:
        """The figures."""
        return (
            f"{self.jobs} jobs of {len(STAGES)} stages through two calls of {AT_ONCE} at once, one "
            f"of them killed {self.kills} times: {len(self.violations)} violations, {self.again} "
            f"stages run again; {self.rate:.2f} stages/s in {self.seconds:.0f} s, that is "
            f"{self._share(self.docker_rate, PROCESSORS)} and "
            f"{self._share(self.crowded_rate, 2 * AT_ONCE)}"
        )

    def _share(self, rate: float, at_once: int) -> str:
        if not rate:
            return f"not held against xargs -P{at_once} docker run"
        return f"{100 * self.rate / rate:.0f} % of xargs -P{at_once} docker run ({rate:.2f})"


@dataclass(frozen=True)
class Calls:
    """Where the calls happen: a project of probe stages with two places to run."""

    kit: Kit

    def start(self) -> "subprocess.Popen[bytes]":
        """A call on all jobs, in the background."""
        jobs = sorted(str(path) for path in (self.kit.root / "out").glob("job-*"))
        with (self.kit.root / "said.txt").open("ab") as said:
            return subprocess.Popen(
                [str(STAGERUN), "run", *jobs, "--jobs", str(AT_ONCE)],
                cwd=self.kit.root,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    def image(self, stage: str) -> str:
        """The image of a stage."""
        project = load_project(self.kit.root)
        return Recipes(project).stage(project.stages[stage]).image


def run_many(folder: Path, jobs: int, kill_every: float, *, measure: bool = True) -> Many:
    """Run all jobs in both ways and check what the calls left."""
    kit = make_kit(folder)
    build_kit_images(kit)
    kit.settings(
        f"workflows: {{copy: [52_last/copy]}}\nlimits: {{stages_at_once: {2 * AT_ONCE}}}\n"
    )
    calls, many = Calls(kit), Many(jobs)
    made = [kit.job(f"job-{number:03}", f"text {number}\n") for number in range(jobs)]
    few = max(2, jobs // 4)
    rates = [docker_rate(calls, few, "before", PROCESSORS)] if measure else []
    with truth_of(folder) as (truth, client):
        _run_both(calls, many, kill_every)
        for job in made:
            many.violations += [*check_documents(job), *check_nothing_left(job, client)]
            many.violations += _ended_once(job)
    many.violations += [*_as_alone(kit, made[:ALONE]), *taken_places()]
    many.again = len(truth.started) - sum(len(STAGES) for _ in made)
    if measure:
        rates.append(docker_rate(calls, few, "after", PROCESSORS))
        many.docker_rate = sum(rates) / len(rates)
        many.crowded_rate = docker_rate(calls, few, "crowded", 2 * AT_ONCE)
    return many


def _run_both(calls: Calls, many: Many, kill_every: float) -> None:
    """Two calls until both have ended; the second is killed every so often and started again."""
    began = time.monotonic()
    steady, killed = calls.start(), calls.start()
    while steady.poll() is None or killed.poll() is None:
        if time.monotonic() - began > CALL_SECONDS:
            many.violations.append(Violation("hung", "the calls did not end"))
            steady.kill()
            killed.kill()
        try:
            killed.wait(kill_every if steady.poll() is None else CALL_SECONDS)
        except subprocess.TimeoutExpired:
            if steady.poll() is None:
                killed.send_signal(signal.SIGKILL)
                killed.wait()
                many.kills += 1
                killed = calls.start()
        else:
            steady.wait(CALL_SECONDS)
    many.seconds = time.monotonic() - began
    for call in (steady, killed):
        if call.returncode:
            many.violations.append(Violation("verdict", f"a call ended with {call.returncode}"))


def _ended_once(job: Path) -> Iterator[Violation]:
    """Every stage has one good run, in whatever call, and its result is the job's own text."""
    runs = [path.name for path in (job / ".stagerun/runs").iterdir()]
    verdicts = Counter(
        (_record(job, run)["stage_id"], verdict)
        for run in runs
        if (verdict := verdict_of(job, run)) is not None
    )
    for stage in STAGES:
        if verdicts[stage, "success"] != 1:
            yield Violation("twice", f"{job.name}/{stage}: {dict(verdicts)}")
        copy = job / stage / "copy.txt"
        if not copy.is_file() or copy.read_text() != (job / "input/text.txt").read_text():
            yield Violation("lost", f"{copy} is not the job's text")
    for stage, verdict in verdicts:
        if verdict not in ("success", "runner_lost"):
            yield Violation("verdict", f"{job.name}/{stage} ended as {verdict}")


def _as_alone(kit: Kit, jobs: Sequence[Path]) -> Iterator[Violation]:
    """Results are those of the same job run alone: the same bytes for the same reasons."""
    for job in jobs:
        alone = kit.job(f"alone-{job.name}", (job / "input/text.txt").read_text())
        ended = kit.run("run", alone)
        if ended.returncode:
            yield Violation(
                "verdict", f"{alone.name} ended with {ended.returncode}: {ended.stdout}"
            )
        for stage in STAGES:
            if _result(job, stage) != _result(alone, stage):
                yield Violation("lost", f"{job.name}/{stage} is not what it is alone")


def _result(job: Path, stage: str) -> Any:
    entry = json.loads((job / "manifest.json").read_bytes())["stages"][stage]
    return entry["verdict"], entry["fingerprint"], entry["outputs"]


def _record(job: Path, run: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((job / ".stagerun/runs" / run / "record.json").read_bytes())
    return record


def docker_rate(calls: Calls, jobs: int, name: str, at_once: int) -> float:
    """Stages a second of ``xargs docker run``, on jobs of their own."""
    folders = [calls.kit.job(f"docker-{name}-{number}", f"{number}\n") for number in range(jobs)]
    user = f"{os.getuid()}:{os.getgid()}"
    began = time.monotonic()
    for stage in STAGES:
        words = [
            *("xargs", f"-P{at_once}", "-I{}", "docker", "run", "--rm", "--user", user),
            *("--network", "none", "-v", "{}:/job", "-e", "OUTPUT_DIR=/job"),
            calls.image(stage),
        ]
        subprocess.run(
            words, input="\n".join(map(str, folders)), text=True, check=True, capture_output=True
        )
    seconds = time.monotonic() - began
    for folder in folders:
        assert (folder / STAGES[-1] / "copy.txt").is_file(), folder
    return jobs * len(STAGES) / seconds


def main() -> int:
    """Run them; returns 0 when nothing was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--kill-every", type=float, default=20.0, help="seconds")
    parser.add_argument("--page", action="store_true", help="write the figures into the page")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="stagerun-many-"))
    os.environ["XDG_RUNTIME_DIR"] = os.environ["XDG_CACHE_HOME"] = str(folder / "user")
    many = run_many(folder / "project", asked.jobs, asked.kill_every)
    print(many.line)
    for violation in many.violations[:SHOWN]:
        print(f"  {violation}", file=sys.stderr)
    if many.violations:
        print(f"what was found is kept in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    if asked.page:
        write_page(many.line)
    return 0


def write_page(line: str) -> None:
    """Put the figures into the page, in the place of those before."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    machine = machine_line(DockerEngine().facts())
    head = f"Written by `make many-jobs`: runner {runner_sources()}, {machine}."
    PAGE.write_text(f"{before}{BEGIN}{head}\n\n{line}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
