"""What was learnt of stages: where it is kept, and that nothing depends on it."""

from pathlib import Path

from runner.gpu.learnt import note, recall, usual_folder

KEY = {"stage": "06_asr"}


def no_home() -> Path:
    msg = "Could not determine home directory."
    raise RuntimeError(msg)


def test_it_is_kept_where_a_users_programs_keep_such_things() -> None:
    assert usual_folder({}, lambda: Path("/home/a")) == Path("/home/a/.local/state/stagerun")
    assert usual_folder({"XDG_STATE_HOME": "/state"}, no_home) == Path("/state/stagerun")


def test_a_user_without_a_home_learns_nothing_and_may_run_all_the_same() -> None:
    folder = usual_folder({}, no_home)
    assert not note(folder, "gpu-peaks", KEY, {"bytes": 1})
    assert recall(folder, "gpu-peaks", KEY) is None
    assert not (folder / "gpu-rungs").is_dir()
