"""The tar that a build is made from, and the digest of an image's sources."""

import tarfile
from pathlib import Path

import pytest

from runner.host.build_context import (
    NOT_CODE,
    ContextFile,
    context_tar,
    file_digests,
    folder_files,
    sources_digest,
)


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    folder = tmp_path / "06_asr"
    for name in ("stage.py", "words/a.py", "stage.yaml", "fixture/job.yaml", "tests/t.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    for name in ("__pycache__/stage.cpython-311.pyc", ".mypy_cache/x.json", "left.pyc"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def names(files: tuple[ContextFile, ...]) -> list[str]:
    return [file.path for file in files]


def test_only_a_stages_code_goes_into_its_image(stage: Path) -> None:
    assert names(folder_files(stage, "app/06_asr", NOT_CODE)) == [
        "app/06_asr/stage.py",
        "app/06_asr/words/a.py",
    ]


def test_the_tar_does_not_depend_on_order_times_or_owners(stage: Path) -> None:
    files = folder_files(stage)
    with context_tar(files) as first:
        before = first.read()
    (stage / "stage.py").touch()
    (stage / "stage.py").chmod(0o600)
    with context_tar(reversed(folder_files(stage))) as second:
        assert second.read() == before


def test_every_user_may_read_what_is_in_the_tar(stage: Path) -> None:
    (stage / "run.sh").write_text("#!/bin/sh\n")
    (stage / "run.sh").chmod(0o700)
    (stage / "stage.py").chmod(0o600)
    with context_tar(folder_files(stage)) as stream, tarfile.open(fileobj=stream) as tar:
        modes = {member.name: member.mode for member in tar}
        owners = {(member.uid, member.gid, member.mtime) for member in tar}
    assert modes["run.sh"] == 0o755
    assert modes["stage.py"] == 0o644
    assert owners == {(0, 0, 0)}


def test_the_digest_sees_content_names_modes_arguments_and_parent() -> None:
    def digest(path: str, text: bytes, *, executable: bool, argument: str, parent: str) -> str:
        file = ContextFile(path=path, source=text, executable=executable)
        return sources_digest(file_digests([file]), {"PARENT": argument}, parent)

    different = {
        digest("a", b"1", executable=False, argument="x", parent="p"),
        digest("b", b"1", executable=False, argument="x", parent="p"),
        digest("a", b"2", executable=False, argument="x", parent="p"),
        digest("a", b"1", executable=True, argument="x", parent="p"),
        digest("a", b"1", executable=False, argument="y", parent="p"),
        digest("a", b"1", executable=False, argument="x", parent="q"),
    }
    assert len(different) == 6


def test_the_digest_does_not_see_the_site() -> None:
    source = ContextFile(path="Dockerfile", source=b"FROM x\n")
    site = ContextFile(path=".site/env", source=b"export http_proxy=p\n")
    assert file_digests([source, site]) == file_digests([source])
