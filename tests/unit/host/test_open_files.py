"""Which files somebody still writes to, in a folder that stands for /proc."""

from pathlib import Path

import pytest

from runner.host.open_files import written_to

READ, WRITE, BOTH, APPEND = "0100000", "0100001", "0100002", "0102001"


def opened(root: Path, file: Path, flags: str, pid: int = 4242, number: int = 3) -> None:
    """Let a process have a file open."""
    process = root / "proc" / str(pid)
    for name in ("fd", "fdinfo"):
        (process / name).mkdir(parents=True, exist_ok=True)
    (process / "fd" / str(number)).symlink_to(file)
    (process / "fdinfo" / str(number)).write_text(f"pos:\t0\nflags:\t{flags}\nmnt_id:\t9\n")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mkv"
    path.write_text("moving")
    return path


@pytest.mark.parametrize(
    ("flags", "is_written"), [(READ, False), (WRITE, True), (BOTH, True), (APPEND, True)]
)
def test_a_file_counts_as_written_to_while_it_is_open_for_that(
    tmp_path: Path, film: Path, flags: str, is_written: bool
) -> None:
    opened(tmp_path, film, flags)
    assert written_to([film], tmp_path) == ({film} if is_written else set())


def test_a_file_is_known_by_what_it_is_and_not_by_its_name(tmp_path: Path, film: Path) -> None:
    other = tmp_path / "other.mkv"
    other.hardlink_to(film)
    opened(tmp_path, film, WRITE)
    assert written_to([other], tmp_path) == {other}


def test_what_cannot_be_seen_does_no_harm(tmp_path: Path, film: Path) -> None:
    assert written_to([film], tmp_path) == set()
    opened(tmp_path, film, "nonsense")
    opened(tmp_path, tmp_path / "gone", WRITE, pid=5)
    (tmp_path / "proc" / "17").mkdir()
    assert written_to([film, tmp_path / "not there"], tmp_path) == set()
