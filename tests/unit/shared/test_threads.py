"""Threads of one stage."""

import json
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared.stage_utils import StageIO


def in_threads(work: Callable[[int], None], count: int = 8) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_may_track_log_and_report_at_once(job: Path) -> None:
    io = StageIO("asr", job)
    logger = io.get_stage_logger()

    def work(number: int) -> None:
        for step in range(50):
            name = f"{number}_{step}"
            path = io.get_output_path(f"{name}.txt")
            path.write_text(name)
            io.track_output(path, "text", number=number)
            io.add_config(name, step)
            io.progress(step, 50)
            logger.info("line %s %s", name, "x" * 200)
            io.add_warning(name)

    in_threads(work)
    io.finalize()
    manifest = json.loads(io.manifest_path.read_text())
    assert len(manifest["outputs"]) == 400
    assert len(manifest["config"]) == 400
    assert len(manifest["warnings"]) == 400
    lines = [line for line in io.stage_log.read_text().splitlines() if "line " in line]
    assert len(lines) == 400
    assert all(line.endswith("x" * 200) for line in lines)


def test_threads_that_open_the_same_folder_share_one_manifest(job: Path) -> None:
    manifests: list[Any] = []
    in_threads(lambda _: manifests.append(StageIO("asr", job).manifest))
    assert len(manifests) == 8
    assert len({id(manifest) for manifest in manifests}) == 1


def test_off_the_main_thread_no_signal_handler_is_installed(job: Path) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        in_threads(lambda _: StageIO("asr", job).finalize(), count=1)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_handler_of_the_stages_own_is_left_in_place(job: Path) -> None:
    def own(number: int, frame: object) -> None:
        sys.exit(f"{number} {frame}")

    before = signal.signal(signal.SIGTERM, own)
    try:
        StageIO("asr", job).finalize()
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)
