"""Calls of the command line on the probe stages, and programs that misbehave."""

import json
import os
import subprocess
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from runner.job.folder import Job
from runner.job.job_manifest import read_entries, read_record
from tests.project_kit import STAGERUN, Kit

PROBE: Final = "50_probe"
PROGRAM: Final = '''\
"""Does what a test wants it to, between the opening of its folder and its end."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from shared.stage_utils import StageIO

io = StageIO("50_probe", Path("/job"), enable_manifest=True)
folder = io.stage_dir
io.output("copy").write_text("new\\n")
{before}
io.finalize(status="success")
{after}
'''


@dataclass(frozen=True)
class Ended:
    """How a call ended: its exit code, what it printed, and what the job knows of the stage."""

    code: int
    text: str
    entry: dict[str, Any]
    record: dict[str, Any] | None

    @property
    def verdict(self) -> str | None:
        """The verdict on record; None where no run is on record."""
        return None if self.record is None else str(self.record["verdict"])

    @property
    def findings(self) -> list[str]:
        """The findings on record: path and problem."""
        assert self.record is not None, self.text
        return [f"{item['path']}: {item['problem']}" for item in self.record["findings"]]


def program(before: str = "", after: str = "") -> str:
    """A stage's program that does this before and after it finalizes with success."""
    return PROGRAM.format(before=textwrap.dedent(before), after=textwrap.dedent(after))


def call(kit: Kit, job: Path, *options: str, stage: str = PROBE, **environment: str) -> Ended:
    """Run one stage with the code as it lies in the project."""
    finished = kit.run(stage, job, "--dev", *options, timeout=60, **environment)
    text = finished.stdout + finished.stderr
    assert "Traceback" not in text, text
    return ended(job, stage, finished.returncode, text)


def ended(job: Path, stage: str, code: int, text: str) -> Ended:
    """The end of a call, with what the job says of its stage."""
    entry = read_entries(Job(job)).get(stage, {})
    run_id = entry.get("run_id")
    return Ended(code, text, entry, read_record(Job(job), run_id) if run_id else None)


@contextmanager
def started(
    kit: Kit, *words: str | Path, ignored: str = "", **environment: str
) -> Iterator["subprocess.Popen[str]"]:
    """A call in the background, which is killed if the block leaves it running.

    It begins with every signal as a terminal has it, but for an ``ignored`` one.
    """
    signals = ["--default-signal=HUP,INT,TERM", *([f"--ignore-signal={ignored}"] * bool(ignored))]
    process = subprocess.Popen(
        ["env", *signals, str(STAGERUN), *map(str, words)],
        cwd=kit.root,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def wait_until(true: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def read_until(process: "subprocess.Popen[str]", wanted: str) -> str:
    """What a process prints until it has said these words."""
    assert process.stdout is not None
    text = ""
    # Past Python's own buffer, whose content communicate() would never see.
    while chunk := os.read(process.stdout.fileno(), 65536):
        text += chunk.decode("utf-8", "replace")
        if wanted in " ".join(text.split()):
            return text
    pytest.fail(f"it never said {wanted!r}: {text}")


def steps(job: Path) -> list[list[str]]:
    """The journals' steps of all runs of a job, oldest run first."""
    journals = sorted((job / ".stagerun/runs").glob("*/journal.jsonl"))
    return [
        [json.loads(line)["step"] for line in journal.read_text().splitlines()]
        for journal in journals
    ]


def misbehave(kit: Kit, job: Path, before: str = "", after: str = "", *options: str) -> Ended:
    """Run the first stage anew with a program that does this before and after its finalize."""
    kit.code(PROBE, program(before, after))
    return call(kit, job, "--force", *options)


def assert_previous_result_is_kept(job: Path, outcome: Ended) -> None:
    """The result of the fixture's run waits, and the user was told how to get it back."""
    assert (job / ".stagerun/previous/50_probe/copy.txt").read_text() == "new\n"
    assert outcome.entry["good_is"] == "previous"
    assert "stagerun restore 50_probe" in outcome.text
