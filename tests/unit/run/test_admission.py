"""Where this user's runners lock their places: nobody else may have a hand in it."""

import contextlib
import fcntl
import os
import threading
from pathlib import Path

import pytest

from runner.errors import NotAdmittedError, Verdict
from runner.events import StageWaiting
from runner.job.folder import Job
from runner.run.outcome import Outcome
from runner.run.runtime_folder import runtime_folder
from tests.unit.run.conftest import Place
from tests.unit.run.plans import wait_for


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
def test_who_waits_keeps_no_place_open_however_many_there_are(place: Place, job: Job) -> None:
    place.kit.settings("limits: {stages_at_once: 8}\n")
    outcomes: list[Outcome] = []
    with contextlib.ExitStack() as others:
        for number in range(8):
            path = runtime_folder("slots") / f"{number}.lock"
            fcntl.flock(others.enter_context(path.open("w")), fcntl.LOCK_EX)
        waiting = threading.Thread(
            target=lambda: outcomes.append(place.run(job, wait_seconds=60)), daemon=True
        )
        waiting.start()
        wait_for(lambda: any(isinstance(event, StageWaiting) for event in place.events))
        counts = [_open_places() for _ in range(50)]
    waiting.join(20)
    assert [item.verdict for item in outcomes] == [Verdict.SUCCESS]
    assert max(counts) <= 8 + 1
    assert _open_places() == 0


def _open_places() -> int:
    """How many places this process has open."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += link.readlink().parent.name == "slots"
    return found
