"""What was learnt of stages: nothing depends on it."""

from pathlib import Path

from runner.gpu.learnt import note, recall
from runner.home import home_folder

KEY = {"stage": "06_asr"}


def no_home() -> Path:
    msg = "Could not determine home directory."
    raise RuntimeError(msg)


def test_a_user_without_a_home_learns_nothing_and_may_run_all_the_same() -> None:
    assert home_folder(lambda: Path("/home/a")) == Path("/home/a")
    folder = home_folder(no_home) / ".local/state/stagerun"
    assert not note(folder, "gpu-peaks", KEY, {"bytes": 1})
    assert recall(folder, "gpu-peaks", KEY) is None
    assert not (folder / "gpu-rungs").is_dir()
