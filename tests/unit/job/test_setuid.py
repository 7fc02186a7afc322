"""What a stage leaves cannot run as the job's owner on the host."""

from pathlib import Path

from runner.job.setuid import DEEPEST, clear_setuid


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
    clear_setuid(folder)
    modes = {name: (folder / name).stat().st_mode & 0o7777 for name in ("a", ".cache/deep/b", "c")}
    assert modes == {"a": 0o755, ".cache/deep/b": 0o711, "c": 0o640}
    assert outside.stat().st_mode & 0o7777 == 0o4755


def test_a_folder_that_is_not_there_has_no_powers_to_take(tmp_path: Path) -> None:
    clear_setuid(tmp_path / "gone")


def test_a_link_in_the_place_of_the_folder_leads_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/tool").touch()
    (tmp_path / "elsewhere/tool").chmod(0o4755)
    (tmp_path / "50_probe").symlink_to("elsewhere")
    clear_setuid(tmp_path / "50_probe")
    assert (tmp_path / "elsewhere/tool").stat().st_mode & 0o7777 == 0o4755


def test_a_folder_that_cannot_be_listed_hides_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "hidden"
    folder.mkdir()
    (folder / "tool").touch()
    (folder / "tool").chmod(0o4755)
    folder.chmod(0o311)
    clear_setuid(tmp_path)
    assert folder.stat().st_mode & 0o7777 == 0o711
    assert (folder / "tool").stat().st_mode & 0o7777 == 0o755


def test_what_is_nested_deeper_than_anybody_looks_is_closed_to_others(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * (DEEPEST + 3))
    deep.mkdir(parents=True)
    (deep / "tool").touch()
    (deep / "tool").chmod(0o4755)
    clear_setuid(tmp_path)
    last = tmp_path.joinpath(*["d"] * (DEEPEST + 1))
    assert last.stat().st_mode & 0o7777 == 0o700
