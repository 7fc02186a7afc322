"""Secrets reach the stage that lists them, and nothing that it writes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.errors import SecretMissingError
from shared.secret_files import read_secret
from shared.stage_utils import StageIO

Start = Callable[..., Path]
TOKEN = "s3cret-token-of-the-test"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "tmdb").write_text(TOKEN + "\n")
    monkeypatch.setenv("STAGERUN_SECRETS", str(folder))
    return folder


@pytest.mark.usefixtures("folder")
def test_a_listed_secret_is_its_text_without_the_line_end(runner: Start) -> None:
    runner(secrets=["tmdb"])
    assert StageIO().secret("tmdb") == TOKEN


@pytest.mark.usefixtures("folder")
def test_a_secret_that_is_not_listed_is_refused_although_it_is_there(runner: Start) -> None:
    runner(secrets=["other"])
    with pytest.raises(SecretMissingError, match="not listed"):
        StageIO().secret("tmdb")


def test_a_listed_secret_that_is_absent_names_the_file(runner: Start, folder: Path) -> None:
    runner(secrets=["hf"])
    with pytest.raises(SecretMissingError, match=str(folder / "hf")):
        StageIO().secret("hf")


@pytest.mark.usefixtures("folder")
def test_without_a_spec_a_secret_that_is_there_is_read(job: Path) -> None:
    assert StageIO("your_stage", job).secret("tmdb") == TOKEN


@pytest.mark.usefixtures("folder")
def test_a_secret_that_was_read_is_in_no_log_and_no_manifest(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    io = StageIO("your_stage", job)
    token = io.secret("tmdb")
    io.get_stage_logger().error("401 for https://host/?key=%s", token)
    io.add_config("key", token)
    io.add_error(f"refused: {token}", RuntimeError(token))
    io.finalize("failed", error=token, details={token: [token]})
    written = [path.read_text() for path in job.rglob("*") if path.is_file()]
    assert len(written) == 3
    assert TOKEN not in "".join(written) + capsys.readouterr().err
    assert "key=***" in io.stage_log.read_text()


def test_an_empty_file_is_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmdb").write_text("\n")
    monkeypatch.setenv("STAGERUN_SECRETS", str(tmp_path))
    with pytest.raises(SecretMissingError, match="the file is empty"):
        read_secret("tmdb", ["tmdb"])
