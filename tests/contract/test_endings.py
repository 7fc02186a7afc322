"""However a stage ends, its manifest is valid and says so."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.workplace import Ended, Workplace

BEGIN = """
import os, signal, sys, time
from shared.stage_utils import StageIO
io = StageIO("asr")
logger = io.get_stage_logger()
"""
Wait = Callable[[Callable[[], bool]], None]


def stage(workplace: Workplace, body: str, **options: str) -> Ended:
    return workplace.run(BEGIN + body, **options)


@pytest.mark.parametrize(
    ("body", "code"),
    [("", 0), ("sys.exit(0)", 0), ("sys.exit(3)", 3), ("sys.exit('text')", 1)],
)
def test_a_stage_that_ends_without_finalize_has_failed(
    workplace: Workplace, body: str, code: int
) -> None:
    ended = stage(workplace, body)
    assert ended.code == code
    manifest = ended.manifest()
    assert manifest["status"] == "failed"
    assert manifest["error"] == "ended without finalize"
    assert manifest["completed_at"] is not None
    assert "ended without finalize" in ended.stage_log()


def test_an_exception_that_nobody_caught_is_recorded(workplace: Workplace, python: str) -> None:
    ended = stage(workplace, "raise RuntimeError('boom')", python=python)
    assert ended.code == 1
    manifest = ended.manifest()
    assert manifest["status"] == "failed"
    assert manifest["error"].startswith("ended without finalize")
    assert manifest["errors"][0]["message"] == "boom"
    assert manifest["errors"][0]["exception_type"] == "RuntimeError"
    assert "raise RuntimeError" in manifest["errors"][0]["traceback"]


SLEEP = "time.sleep(30)\n"
SLEEP_IN_TRY = """
try:
    time.sleep(30)
except Exception:
    io.finalize('success')
"""


@pytest.mark.parametrize(
    ("number", "body"),
    [(signal.SIGTERM, SLEEP), (signal.SIGTERM, SLEEP_IN_TRY), (signal.SIGHUP, SLEEP)],
)
def test_a_stage_that_is_told_to_stop_has_failed(
    workplace: Workplace, eventually: Wait, number: signal.Signals, body: str
) -> None:
    script = workplace.write(BEGIN + "open('ready', 'w').close()\n" + body)
    process = workplace.start(script)
    eventually((workplace.folder / "ready").exists)
    process.send_signal(number)
    ended = workplace.finish(process)
    assert ended.code == 128 + number
    manifest = ended.manifest()
    assert manifest["status"] == "failed"
    assert number.name in manifest["error"]


def test_the_stages_own_clean_up_runs_when_it_is_told_to_stop(
    workplace: Workplace, eventually: Wait
) -> None:
    body = (
        "try:\n    open('ready', 'w').close()\n    time.sleep(30)\n"
        "finally:\n    open('clean', 'w').close()\n"
    )
    process = workplace.start(workplace.write(BEGIN + body))
    eventually((workplace.folder / "ready").exists)
    process.send_signal(signal.SIGTERM)
    assert workplace.finish(process).manifest()["status"] == "failed"
    assert (workplace.folder / "clean").exists()


def test_after_finalize_a_signal_ends_the_process_as_if_there_were_no_handler(
    workplace: Workplace, eventually: Wait
) -> None:
    body = "io.finalize()\nopen('ready', 'w').close()\ntime.sleep(30)\n"
    process = workplace.start(workplace.write(BEGIN + body))
    eventually((workplace.folder / "ready").exists)
    process.send_signal(signal.SIGTERM)
    ended = workplace.finish(process)
    assert ended.code == -signal.SIGTERM
    assert ended.manifest()["status"] == "success"


def test_a_stop_while_outputs_are_digested_still_leaves_a_final_manifest(
    workplace: Workplace, eventually: Wait
) -> None:
    body = """
with open(io.stage_dir / "large.bin", "wb") as file:
    file.truncate(1 << 34)
io.track_output(io.stage_dir / "large.bin", "binary")
open('ready', 'w').close()
io.finalize()
"""
    process = workplace.start(workplace.write(BEGIN + body))
    eventually((workplace.folder / "ready").exists)
    process.send_signal(signal.SIGTERM)
    ended = workplace.finish(process)
    assert ended.code == 128 + signal.SIGTERM
    assert ended.manifest()["status"] == "failed"
    (workplace.job / "06_asr" / "large.bin").unlink()


def test_an_interrupt_from_the_keyboard_has_failed(workplace: Workplace, eventually: Wait) -> None:
    process = workplace.start(
        workplace.write(BEGIN + "open('ready', 'w').close()\ntime.sleep(30)\n")
    )
    eventually((workplace.folder / "ready").exists)
    process.send_signal(signal.SIGINT)
    manifest = workplace.finish(process).manifest()
    assert manifest["status"] == "failed"
    assert manifest["errors"][0]["exception_type"] == "KeyboardInterrupt"


def test_a_killed_stage_leaves_a_valid_running_manifest(
    workplace: Workplace, eventually: Wait
) -> None:
    body = (
        "io.add_config('model', 'tiny')\ntime.sleep(1)\nlogger.info('on')\n"
        "open('ready', 'w').close()\n"
    )
    process = workplace.start(workplace.write(BEGIN + body + "time.sleep(30)\n"))
    eventually((workplace.folder / "ready").exists)
    process.kill()
    ended = workplace.finish(process)
    assert ended.code == -signal.SIGKILL
    manifest = ended.manifest()
    assert manifest["status"] == "running"
    assert manifest["config"] == {"model": "tiny"}


def test_a_kill_while_the_file_is_written_leaves_the_old_or_the_new_one(
    workplace: Workplace, eventually: Wait
) -> None:
    script = workplace.write(
        """
import itertools, json
from pathlib import Path
from shared.files import write_atomically
for number in itertools.count():
    data = json.dumps([number] * 100_000).encode()
    write_atomically(Path("manifest.json"), data, durable=False)
"""
    )
    path = workplace.folder / "manifest.json"
    for _ in range(5):
        process = workplace.start(script)
        eventually(path.exists)
        process.kill()
        assert workplace.finish(process).code == -signal.SIGKILL
        assert len(set(json.loads(path.read_text()))) == 1
        path.unlink()


def test_the_next_run_after_a_kill_starts_afresh(workplace: Workplace, eventually: Wait) -> None:
    process = workplace.start(
        workplace.write(BEGIN + "open('ready', 'w').close()\ntime.sleep(30)\n")
    )
    eventually((workplace.folder / "ready").exists)
    process.kill()
    workplace.finish(process)
    ended = stage(workplace, "io.finalize()")
    assert ended.code == 0, ended.err
    assert ended.manifest()["status"] == "success"
    assert ended.manifest()["errors"] == []


def test_a_full_disk_at_the_end_is_an_error_and_not_a_success(workplace: Workplace) -> None:
    body = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for number in range(100):
    io.add_config(f"key{number}", "x" * 100)
try:
    io.finalize()
except OSError as error:
    sys.exit(f"refused: {error.errno}")
"""
    ended = stage(workplace, body)
    assert ended.code == 1
    assert "refused" in ended.err
    assert ended.manifest()["status"] == "running"


def test_a_name_is_needed_where_nothing_says_one(workplace: Workplace) -> None:
    text = "import subprocess, sys\nsys.exit(subprocess.call([sys.executable, '-c', CODE]))"
    code = "from shared.stage_utils import StageIO; StageIO()"
    ended = workplace.run(text.replace("CODE", repr(code)))
    assert ended.code == 1
    assert "TypeError: StageIO() needs a name" in ended.err


@pytest.mark.parametrize(
    ("script", "stage_id"),
    [
        ("stages/06_asr/stage.py", "06_asr"),
        ("scripts/your_stage.py", "your_stage"),
        ("scripts/demux.py", "01_demux"),
    ],
)
def test_without_a_name_the_script_says_which_stage_it_is(
    workplace: Workplace, script: str, stage_id: str
) -> None:
    text = "from shared.stage_utils import StageIO\nStageIO().finalize()\n"
    ended = workplace.run(text, name=script)
    assert ended.code == 0, ended.err
    assert ended.manifest(stage_id)["status"] == "success"


def test_unwritable_logs_cost_one_warning(workplace: Workplace) -> None:
    workplace.job.mkdir()
    (workplace.job / "logs").symlink_to("/proc/self/none")
    ended = stage(workplace, "logger.info('line')\nio.finalize()")
    assert ended.code == 0
    manifest = ended.manifest()
    assert manifest["status"] == "success"
    assert len(manifest["warnings"]) == 1


def test_a_standard_error_that_is_closed_does_not_end_the_stage(workplace: Workplace) -> None:
    ended = stage(workplace, "os.close(2)\nlogger.info('line')\nio.finalize()")
    assert ended.manifest()["status"] == "success"
    assert "line" in ended.stage_log()


def test_the_parent_of_a_stage_is_not_bothered(workplace: Workplace, tmp_path: Path) -> None:
    ended = stage(workplace, "io.finalize()\nos._exit(0)")
    assert (ended.code, ended.out) == (0, "")
    assert os.listdir(tmp_path / "out" / "logs") != []  # noqa: PTH208 - names are enough
