"""A warning reaches who watches the stage and who reads its manifest."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.stage_utils import StageIO
from shared.stage_warnings import warn


def test_warnings_are_logged_and_listed_once_each_as_they_are(
    job: Path, read: Callable[[Path], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    io = StageIO("asr", job)
    warn(io, "100 %s of silence", "a second one")
    io.finalize()
    assert read(io.stage_dir)["warnings"] == ["100 %s of silence", "a second one"]
    for place in (io.stage_log.read_text(), capsys.readouterr().err):
        assert place.count("[WARNING] 100 %s of silence") == 1
        assert place.count("[WARNING] a second one") == 1


def test_warnings_are_logged_also_without_a_manifest(job: Path) -> None:
    io = StageIO("asr", job, enable_manifest=False)
    warn(io, "told")
    assert "[WARNING] told" in io.stage_log.read_text()


def test_nothing_to_warn_of_says_nothing(job: Path) -> None:
    io = StageIO("asr", job)
    warn(io)
    assert "WARNING" not in io.stage_log.read_text()
