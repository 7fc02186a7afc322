"""What a stage leaves cannot run as the job's owner on the host."""

from pathlib import Path

from runner.job.privileges import take_powers


def test_setuid_and_setgid_are_taken_from_files_wherever_they_lie(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch()
    outside.chmod(0o4755)
    folder = tmp_path / "50_probe"
    (folder / ".cache/deep").mkdir(parents=True)
    for name, mode in (("a", 0o4755), (".cache/deep/b", 0o6711), ("c", 0o640)):
        (folder / name).touch()
        (folder / name).chmod(mode)
    (folder / "link").symlink_to(outside)
    take_powers(folder)
    modes = {name: (folder / name).stat().st_mode & 0o7777 for name in ("a", ".cache/deep/b", "c")}
    assert modes == {"a": 0o755, ".cache/deep/b": 0o711, "c": 0o640}
    assert outside.stat().st_mode & 0o7777 == 0o4755


def test_a_folder_that_is_not_there_has_no_powers_to_take(tmp_path: Path) -> None:
    take_powers(tmp_path / "gone")
