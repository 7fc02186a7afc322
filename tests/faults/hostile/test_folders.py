"""Folders made to exhaust or mislead: more files than memory, no files at all, names that forge."""

import os
from pathlib import Path

import pytest

from runner.job.removal import remove_folder
from tests.faults.hostile.attacks import Attack, Told, suffer
from tests.faults.leaks import everything_in
from tests.project_kit import Kit

pytestmark = pytest.mark.engine

NAMES = int(os.environ.get("STAGERUN_NAMES", "30000"))
REFUSED = (3, "contract_violation")
SPEC_OF_MANY = """\
summary: Copies its input
parent: base
inputs:
  text: input/text
outputs:
  copy: {file: copy.txt, type: text}
  more: {file: "*.part", type: text, optional: true}
resources: {cpus: 2, memory: 256MiB, tmp: 16MiB, pids: 64, timeout: 60s}
"""
VERY_MANY = f"""
# Second names of files: as much of a burden to a reader as files, and made sooner.
for number in range({NAMES}):
    name = str(folder / str(number))
    if number % 50_000 == 0:
        one = name
        os.close(os.open(one, os.O_CREAT))
    else:
        os.link(one, name)
"""
ATTACKS = {
    "a socket as an output": Attack(
        after="""
        os.remove(folder / "copy.txt")
        os.chdir(folder)
        socket.socket(socket.AF_UNIX).bind("copy.txt")
        """,
        says="copy.txt  is a socket",
        ends=REFUSED,
    ),
    "names that steer the terminal": Attack(
        after="""
        for name in ("\\x1b[2J\\x1b[31m", "x\\n ✓ 51_next   0.1 s    1 MB   forged",
                     "\\u202efdp.exe", "tab\\tand\\rreturn", "\\x9b2J", "\\u2028line"):
            (folder / name).touch()
        """,
        says="\\x1b[2J",
        never="\n ✓ 51_next",
        findings=6,
        ends=REFUSED,
    ),
    "declared names that steer": Attack(
        after="""
        for name in ("\\x1b[2J.part", "x\\n ✓ 51_next   forged.part"):
            (folder / name).write_text("x")
        """,
        never="\n ✓ 51_next",
        findings=2,
    ),
    "a file larger than the disk": Attack(
        after="os.truncate(folder / 'copy.txt', 8 << 40)", says="all holes", ends=REFUSED
    ),
    "a file of holes that claims a checksum": Attack(
        after="""
        import json
        os.truncate(folder / "copy.txt", 8 << 40)
        document = json.loads((folder / "manifest.json").read_text())
        document["outputs"][0] |= {"checksum": "sha256:" + "0" * 64, "size_bytes": 8 << 40}
        document["outputs"] *= 100
        (folder / "manifest.json").write_text(json.dumps(document))
        """,
        says="all holes",
        ends=REFUSED,
    ),
    "a log of holes, by a stage that fails": Attack(
        after="os.truncate(folder / 'stage.log', 8 << 40); os._exit(3)", ends=(1, "stage_failed")
    ),
    "names as long as names can be": Attack(
        after="""
        os.chdir(folder)
        for _ in range(11):
            os.mkdir("\U0001f600" * 60)
            os.chdir("\U0001f600" * 60)
        for number in range(15_000):
            open(f"{number:05}", "w").close()
        """,
        says="their names are too long",
        ends=REFUSED,
    ),
    "chains of folders": Attack(
        after="""
        for number in range(120):
            os.chdir(folder)
            for _ in range(195):
                os.mkdir(f"{number}") if not os.path.isdir(f"{number}") else None
                os.chdir(f"{number}")
            open("f", "w").close()
        """,
        ends=REFUSED,
    ),
    "scratch that is nested deeper than functions are": Attack(
        after="""
        (folder / ".cache").mkdir(exist_ok=True)
        os.chdir(folder / ".cache")
        for _ in range(1200):
            os.mkdir("d")
            os.chdir("d")
        """
    ),
    "setuid where nobody can look": Attack(
        after="""
        hidden = folder / ".cache" / "hidden"
        hidden.mkdir(parents=True)
        (hidden / "tool").touch()
        os.chmod(hidden / "tool", 0o4755)
        os.chmod(hidden, 0o311)
        """
    ),
    "files that lend rights": Attack(
        after="""
        os.chmod(folder / "copy.txt", 0o4755)
        (folder / ".cache").mkdir(exist_ok=True)
        (folder / ".cache/tool").write_text("#!/bin/sh")
        os.chmod(folder / ".cache/tool", 0o6755)
        """,
        says="setuid or setgid",
        ends=REFUSED,
    ),
    "links in circles": Attack(
        after="""
        (folder / "a").symlink_to("b")
        (folder / "b").symlink_to("a")
        (folder / "self").symlink_to(".")
        """,
        says="is a symbolic link",
        findings=3,
        ends=REFUSED,
    ),
    "a link in the place of its log": Attack(
        after="os.remove(folder / 'stage.log'); (folder / 'stage.log').symlink_to('/etc/passwd')",
        says="stage.log  is a symbolic link",
        ends=REFUSED,
    ),
    "a FIFO in the place of its log": Attack(
        after="os.remove(folder / 'stage.log'); os.mkfifo(folder / 'stage.log')",
        says="stage.log  is a FIFO",
        ends=REFUSED,
    ),
    "a chain of folders, each with a file": Attack(
        after="""
        os.chdir(folder)
        for number in range(150):
            os.mkdir("d")
            os.chdir("d")
            open("f", "w").close()
        """,
        findings=150,
        ends=REFUSED,
    ),
    "as many outputs as it may have": Attack(
        after="""
        for number in range(24_000):
            (folder / f"{number:05}.part").touch()
        """,
    ),
}


@pytest.fixture
def kit_of_many(real_kit: Kit) -> Kit:
    """The stage may have any number of outputs."""
    real_kit.spec("50_probe", SPEC_OF_MANY)
    return real_kit


@pytest.mark.parametrize("name", ATTACKS)
def test_a_folder_is_taken_for_what_it_is(
    kit_of_many: Kit, job: Path, record_property: Told, name: str
) -> None:
    try:
        suffer(kit_of_many, job, ATTACKS[name], record_property)
        found = everything_in(job)
        powers = [item.path for item in found if item.stat(follow_symlinks=False).st_mode & 0o6000]
        assert powers == []
    finally:
        # What is nested so deep, pytest could not remove.
        remove_folder(job / "50_probe")


def test_more_names_than_anybody_reads_are_refused_and_removed_within_bounds(
    kit_of_many: Kit, job: Path, record_property: Told
) -> None:
    # To make them takes a busy machine longer than the stage's usual time limit.
    attack = Attack(
        after=VERY_MANY,
        options=("--timeout", "5m"),
        says="more than 25000 files and folders",
        ends=REFUSED,
    )
    suffer(kit_of_many, job, attack, record_property, goes_on=False)
    honest = Attack()
    suffer(kit_of_many, job, honest, record_property)
