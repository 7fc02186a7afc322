"""Where this user's runners lock their places: nobody else may have a hand in it."""

import os
import threading
from pathlib import Path

import pytest

from runner.errors import NotAdmittedError, Verdict
from runner.host.engine_fake import FakeProcess
from runner.job.folder import Job
from runner.run.outcome import Outcome
from runner.run.runtime_folder import runtime_folder
from tests.unit.opens import opened
from tests.unit.run.conftest import PROBE, Place, copy


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the folder with the places is made; others may write there as in /tmp."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def own(base: Path) -> Path:
    return base / f"stagerun-{os.geteuid()}"


def test_the_folder_is_nobody_elses_to_look_into(base: Path) -> None:
    assert runtime_folder("slots").parent == own(base)
    assert own(base).stat().st_mode & 0o777 == 0o700


def test_a_link_that_somebody_laid_there_is_not_followed(base: Path) -> None:
    (base / "theirs").mkdir()
    own(base).symlink_to(base / "theirs")
    with pytest.raises(NotAdmittedError, match="is a symbolic link"):
        runtime_folder("slots")
    assert not list((base / "theirs").iterdir())


def test_a_file_in_its_place_is_told_in_a_sentence(base: Path) -> None:
    own(base).write_text("")
    with pytest.raises(NotAdmittedError, match="is no folder"):
        runtime_folder("slots")


def test_a_folder_that_others_may_write_to_is_not_used(base: Path) -> None:
    own(base).mkdir()
    own(base).chmod(0o777)
    with pytest.raises(NotAdmittedError, match="others may write to it"):
        runtime_folder("slots")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a folder away")
def test_a_folder_of_somebody_else_is_not_used(base: Path) -> None:
    own(base).mkdir(mode=0o700)
    os.chown(own(base), 1234, 1234)
    with pytest.raises(NotAdmittedError, match="belongs to uid 1234"):
        runtime_folder("slots")


def test_a_place_that_is_a_link_is_not_locked_for_another(place: Place, base: Path) -> None:
    job = place.job()
    (base / "precious").write_text("")
    (runtime_folder("slots") / "0.lock").symlink_to(base / "precious")
    assert place.run(job).verdict is Verdict.NOT_ADMITTED
    assert "0.lock" in place.said()


@pytest.mark.usefixtures("base")
def test_waiting_for_a_place_piles_nothing_up(place: Place, job: Job) -> None:
    place.kit.settings("limits: {stages_at_once: 1}\n")
    other = place.job("other")
    outcomes: list[Outcome] = []
    counts: list[int] = []

    def run_the_other(process: FakeProcess) -> int:
        place.programs[PROBE] = copy
        threading.Timer(0.9, place.cancellation.request, ["SIGINT"]).start()
        with opened() as paths:
            outcomes.append(place.run(other, wait_seconds=60))
        counts.append(sum(path.parent.name == "slots" for path in paths))
        return copy(process)

    place.programs[PROBE] = run_the_other
    place.run(job)
    assert [item.verdict for item in outcomes] == [Verdict.CANCELLED]
    assert counts == [1]
