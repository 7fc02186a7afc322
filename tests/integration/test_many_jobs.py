"""Many jobs with real containers: side by side, killed in between, on a terminal, and watched."""

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.project_kit import ROOT, STAGERUN, STAGES, Kit
from tests.soak.many_jobs import run_many
from tests.terminal import on_terminal

pytestmark = pytest.mark.engine

SLOW = """\
import os, shutil, sys, time
from pathlib import Path
from shared.stage_utils import StageIO

io = StageIO("50_probe", Path(os.environ["OUTPUT_DIR"]), enable_manifest=True)
io.get_stage_logger()
if Path(io.input("text")).read_text() == "broken\\n":
    raise SystemExit("this film is broken")
for step in range(10):
    io.progress(step + 1, 10, "pages")
    time.sleep(0.1)
shutil.copyfile(io.input("text"), io.output("copy"))
io.finalize(status="success")
"""


@pytest.mark.usefixtures("kit_images")
def test_every_job_of_two_calls_ends_once_though_one_of_them_is_killed(tmp_path: Path) -> None:
    many = run_many(tmp_path / "project", jobs=6, kill_every=3.0, measure=False)
    assert not many.violations, "\n".join(map(str, [many.line, *many.violations]))
    assert many.kills


def test_a_terminal_shows_one_table_and_then_a_summary(real_kit: Kit) -> None:
    for name in "abcd":
        real_kit.job(name, "broken\n" if name == "c" else f"{name}\n")
    real_kit.code("50_probe", SLOW)
    places = [f"out/{name}" for name in "abcd"]
    with on_terminal(real_kit, "run", *places, "--dev", "--jobs", "2") as terminal:
        text = terminal.read()
        assert terminal.process.wait() == 1, text
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert re.search(r"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] a   50_probe +\d+ %   \d+ of 10 pages", plain)
    assert "2 running · 2 to come" in plain
    assert re.search(r"✓ b +0:\d\d   → out/b/52_last/copy.txt", plain)
    own_words = r"✗ c +0:\d\d   50_probe   failed   The stage reports: ended without finalize"
    assert re.search(own_words, plain)
    assert re.search(r"3 done, 1 failed in 0:\d\d\r?\n ✗ c/50_probe   failed   stagerun why", plain)


@contextmanager
def watching(kit: Kit, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A call that watches ``films``, ended with SIGTERM as a service manager does."""
    words = [str(STAGERUN), "run", "--watch", "films", "--settle", "1s", "--only", "*.txt"]
    with log.open("ab") as file:
        call = subprocess.Popen(
            words, cwd=kit.root, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
    try:
        yield call
    finally:
        call.terminate()
        call.wait(60)


def wait_for(is_so: Callable[[], bool], log: Path, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)


def done(kit: Kit) -> set[str]:
    """The jobs that are noted as ended well."""
    notes = (kit.root / "out").glob("*/.stagerun/watch.json")
    return {path.parts[-3] for path in notes if json.loads(path.read_bytes())["exit_code"] == 0}


def good_runs(job: Path) -> int:
    records = job.glob(".stagerun/runs/*/record.json")
    return sum(json.loads(path.read_bytes())["verdict"] == "success" for path in records)


def test_a_watched_folder_takes_whole_films_and_loses_none_to_a_kill(
    real_kit: Kit, tmp_path: Path
) -> None:
    films, log = real_kit.root / "films", tmp_path / "said.txt"
    films.mkdir()
    (films / "whole.txt").write_text("whole\n")
    with (films / "copied.txt").open("w") as copied, watching(real_kit, log) as call:
        copied.write("first half\n")
        copied.flush()
        wait_for((real_kit.root / "out/whole/50_probe").exists, log)
        call.send_signal(signal.SIGKILL)
        call.wait(60)
        assert not (real_kit.root / "out/copied").exists()
        copied.write("second half\n")
    with watching(real_kit, log) as call, watching(real_kit, log) as other:
        wait_for(lambda: done(real_kit) == {"whole", "copied"}, log)
        call.terminate()
        assert call.wait(60) == 143
        other.terminate()
        assert other.wait(60) == 143
    copy = real_kit.root / "out/copied/52_last/copy.txt"
    assert copy.read_text() == "first half\nsecond half\n"
    for name in ("whole", "copied"):
        assert good_runs(real_kit.root / "out" / name) == len(STAGES), log.read_text()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_the_unit_of_a_watched_folder_is_one_that_systemd_takes(tmp_path: Path) -> None:
    text = (ROOT / "docs/stagerun-watch.service").read_text()
    unit = tmp_path / "stagerun-watch.service"
    unit.write_text(text.replace("%h/films/.venv/bin/stagerun", str(STAGERUN)))
    ended = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
