"""What a stage leaves, held against its contract; the result before it is kept."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.calls import assert_previous_result_is_kept, call, misbehave
from tests.project_kit import Kit

pytestmark = pytest.mark.engine


BROKEN_MANIFESTS = {
    "none": ("(folder / 'manifest.json').unlink()", "there is no manifest.json"),
    "half": ("(folder / 'manifest.json').write_text('{\"stage\": \"pro')", "not whole JSON"),
    "empty": ("(folder / 'manifest.json').write_text('')", "not whole JSON"),
    "text": ("(folder / 'manifest.json').write_bytes(bytes(range(256)))", "not whole JSON"),
    "1 GB": ("os.truncate(folder / 'manifest.json', 10**9)", "manifest.json is 1.0 GB large"),
    "deep": ("(folder / 'manifest.json').write_text('[' * 10**5)", "not whole JSON"),
    "deeper": ("(folder / 'manifest.json').write_text('[' * 10**6)", "about 1000000 values"),
    "link": (
        "(folder / 'manifest.json').rename(folder / 'real.json'); "
        "(folder / 'manifest.json').symlink_to('real.json')",
        "manifest.json is a symbolic link",
    ),
    "pipe": (
        "(folder / 'manifest.json').unlink(); os.mkfifo(folder / 'manifest.json')",
        "manifest.json is not a regular file",
    ),
    "folder": (
        "(folder / 'manifest.json').unlink(); (folder / 'manifest.json').mkdir()",
        "manifest.json is not a regular file",
    ),
    "other shape": (
        "(folder / 'manifest.json').write_text('{\"stage\": 5}')",
        "manifest.json does not fit the schema: stage",
    ),
}


@pytest.mark.parametrize("kind", BROKEN_MANIFESTS)
def test_a_broken_manifest_is_a_contract_violation(real_kit: Kit, job: Path, kind: str) -> None:
    change, message = BROKEN_MANIFESTS[kind]

    outcome = misbehave(real_kit, job, after=change)

    assert (outcome.code, outcome.verdict) == (3, "contract_violation"), outcome.text
    assert message in outcome.text
    assert_previous_result_is_kept(job, outcome)


def test_a_stage_that_never_opens_its_folder_owes_a_manifest(real_kit: Kit, job: Path) -> None:
    real_kit.code("50_probe", "print('done')")

    outcome = call(real_kit, job, "--force")

    assert (outcome.code, outcome.verdict) == (3, "contract_violation")
    assert "A stage opens a StageIO and calls finalize()" in outcome.text
    assert_previous_result_is_kept(job, outcome)


BROKEN_OUTPUTS = {
    "missing": ("os.remove(folder / 'copy.txt')", "copy.txt", "not there"),
    "other size": ("(folder / 'copy.txt').write_text('!')", "copy.txt", "tracked with 4 bytes"),
    "undeclared": ("(folder / 'more.bin').write_bytes(b'x')", "more.bin", "declared nowhere"),
    "link": (
        "os.remove(folder / 'copy.txt'); (folder / 'copy.txt').symlink_to('/job/input/text.txt')",
        "copy.txt",
        "is a symbolic link",
    ),
    "pipe": ("os.mkfifo(folder / 'pipe')", "pipe", "is a FIFO"),
    "name that is no text": (
        "open(os.fsencode(folder) + b'/\\xff.txt', 'w').close()",
        "\\xff.txt",
        "has a name that is not UTF-8 text",
    ),
}


@pytest.mark.parametrize("kind", BROKEN_OUTPUTS)
def test_an_output_unlike_its_declaration_is_named(real_kit: Kit, job: Path, kind: str) -> None:
    change, path, problem = BROKEN_OUTPUTS[kind]

    outcome = misbehave(real_kit, job, after=change)

    assert (outcome.code, outcome.verdict) == (3, "contract_violation"), outcome.text
    named = [finding for finding in outcome.findings if finding.startswith(f"{path}: ")]
    assert problem in "\n".join(named)
    assert path in outcome.text
    assert_previous_result_is_kept(job, outcome)


def test_an_output_that_lies_outside_the_folder_is_named(real_kit: Kit, job: Path) -> None:
    outcome = misbehave(
        real_kit,
        job,
        after="""
        import json
        document = json.loads((folder / "manifest.json").read_text())
        for path in ("../51_next/copy.txt", "/etc/passwd", "input/text.txt", "50_probe/../x"):
            document["outputs"].append({"type": "text", "path": path})
        (folder / "manifest.json").write_text(json.dumps(document))
        """,
    )

    assert (outcome.code, outcome.verdict) == (3, "contract_violation"), outcome.text
    for path in ("../51_next/copy.txt", "/etc/passwd", "input/text.txt", "50_probe/../x"):
        assert f"{path}: tracked as an output, but lies outside the stage's folder" in (
            outcome.findings
        )
    assert_previous_result_is_kept(job, outcome)


def test_findings_beyond_the_first_hundred_are_counted(real_kit: Kit, job: Path) -> None:
    outcome = misbehave(
        real_kit, job, after="for n in range(250): (folder / f'{n}.bin').write_bytes(b'')"
    )

    assert outcome.record is not None
    assert (outcome.code, outcome.record["findings_total"]) == (3, 250)
    assert len(outcome.record["findings"]) == 100


@pytest.fixture
def removed_at_the_end(job: Path) -> Iterator[None]:
    """Pytest itself cannot remove what is nested so deep, should the runner have left it."""
    yield
    subprocess.run(["rm", "-rf", job], check=True, timeout=60)


@pytest.mark.usefixtures("removed_at_the_end")
def test_folders_nested_deeper_than_a_path_is_long_are_refused_and_removed(
    real_kit: Kit, job: Path
) -> None:
    outcome = misbehave(
        real_kit,
        job,
        after="""
        os.chdir(folder)
        for _ in range(3000):
            os.mkdir("d")
            os.chdir("d")
        """,
    )

    assert (outcome.code, outcome.verdict) == (3, "contract_violation"), outcome.text
    assert "a folder in it cannot be read: File name too long" in outcome.text
    assert misbehave(real_kit, job).code == 0


def test_more_warnings_than_anybody_reads_are_cut_and_counted(real_kit: Kit, job: Path) -> None:
    outcome = misbehave(
        real_kit,
        job,
        after="""
        import json
        document = json.loads((folder / "manifest.json").read_text())
        document["warnings"] = ["w" * 5000] + [f"warning {n}" for n in range(100_000)]
        (folder / "manifest.json").write_text(json.dumps(document))
        """,
    )

    assert outcome.code == 0, outcome.text[:500]
    assert len(outcome.entry["warnings"]) == 101
    assert len(outcome.entry["warnings"][0]) == 1000
    assert outcome.entry["warnings"][-1].startswith("and 99901 more warnings")
    assert (job / "manifest.json").stat().st_size < 20_000


def test_a_manifest_with_very_many_outputs_is_checked_in_reasonable_time(
    real_kit: Kit, job: Path
) -> None:
    begun = time.monotonic()

    outcome = misbehave(
        real_kit,
        job,
        after="""
        import json
        for number in range(2000):
            (folder / f"{number}.bin").touch()
        document = json.loads((folder / "manifest.json").read_text())
        document["outputs"] += [
            {"type": "text", "path": f"50_probe/no{n}.bin"} for n in range(50_000)
        ]
        (folder / "manifest.json").write_text(json.dumps(document))
        """,
    )

    assert outcome.record is not None
    assert (outcome.code, outcome.record["findings_total"]) == (3, 52_000), outcome.text[:500]
    assert time.monotonic() - begun < 15


@pytest.mark.parametrize(
    ("status", "end", "code", "verdict"),
    [
        ("success", "sys.exit(4)", 1, "stage_failed"),
        ("failed", "sys.exit(0)", 1, "stage_failed"),
        ("skipped", "sys.exit(0)", 0, "skipped"),
        ("running", "os._exit(0)", 3, "contract_violation"),
        ("running", "os._exit(9)", 1, "stage_failed"),
    ],
)
def test_manifest_and_exit_code_are_judged_together(
    real_kit: Kit, job: Path, status: str, end: str, code: int, verdict: str
) -> None:
    finalize = "" if status == "running" else f"io.finalize(status={status!r}, reason='so')\n"

    outcome = misbehave(real_kit, job, finalize + end)

    assert (outcome.code, outcome.verdict) == (code, verdict), outcome.text
