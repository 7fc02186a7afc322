"""Everything that StageIO can write is what the runner accepts."""

import json
from pathlib import Path

import pytest

from runner.stage_document import StageManifest, StageStatus
from tests.contract.workplace import Workplace

EVERYTHING = """
import datetime, os, sys
from pathlib import Path
from shared.stage_utils import StageIO

io = StageIO("asr")
io.get_stage_logger().info("line")
cyclic = []
cyclic.append(cyclic)
strange = {
    "path": Path("x"), "time": datetime.datetime.now(), "set": {1, 2}, "bytes": b"\\xff",
    "nan": float("nan"), "inf": float("-inf"), "cyclic": cyclic, "huge": 10**6000,
    "surrogate": "\\ud83d", 3: None, "object": object(), "deep": eval("[" * 90 + "]" * 90),
}
(io.stage_dir / "a.json").write_text("{}")
(io.stage_dir / "model").mkdir()
(io.stage_dir / "model" / "b.bin").write_text("x")
os.mkfifo(io.stage_dir / "pipe")
for name in ("a.json", "missing", "model", "pipe", "../stray"):
    reserved = {"path": 1, "type": 2, "size_bytes": -1, "checksum": "no", "exists": "maybe"}
    io.track_input(io.stage_dir / name, "json", lang=None, segments=142, **reserved)
    io.track_output(io.stage_dir / name, 3, strange=strange, metadata=[1], **reserved)
    io.track_intermediate(io.stage_dir / name, retained=1, reason=None)
io.set_config(strange)
io.add_config("batch_size", 16)
io.set_resources(cpu_percent=85, gpu_used=True, gpu_memory_mb=float("inf"), strange=strange)
io.add_warning(strange)
io.add_error("text")
io.add_error(None, ValueError())
try:
    raise RuntimeError(b"\\xff")
except RuntimeError as error:
    io.add_error(error, error)
io.manifest.add_input(io.stage_dir / "a.json", "0" * 64)
io.manifest.add_output(io.stage_dir / "a.json", io.compute_hash(io.stage_dir / "a.json"))
END
"""
ENDS = [
    ("io.finalize(status='success', segments=142)", "success"),
    ("io.finalize(status='failed', error='reason', exit_code=3)", "failed"),
    ("io.finalize(status='skipped', reason='not needed')", "skipped"),
    ("io.finalize(status='failed', error=strange, reason=strange, exit_code='x')", "failed"),
    ("io.finalize(stage=1, inputs=2, errors=3, config=4, extra=5, run_id=6, other=7)", "success"),
    ("io.finalize_stage_manifest(exit_code=1)", "failed"),
    ("io.finalize()\nio.add_warning('late')\nio.finalize('failed')", "failed"),
    ("sys.exit(0)", "failed"),
    ("raise KeyError('x')", "failed"),
    ("os._exit(0)", "running"),
]


def validated(path: Path) -> StageManifest:
    text = path.read_bytes()
    json.loads(text, parse_constant=pytest.fail)
    return StageManifest.model_validate_json(text)


@pytest.mark.parametrize(("end", "status"), ENDS)
def test_every_feature_and_end_of_a_lone_stage_is_valid(
    workplace: Workplace, end: str, status: str
) -> None:
    ended = workplace.run(EVERYTHING.replace("END", end))
    manifest = validated(workplace.job / "06_asr" / "manifest.json")
    assert manifest.status == StageStatus(status), ended.err
    assert manifest.stage == "asr"
    assert manifest.stage_number == 6


@pytest.mark.parametrize(("end", "status"), ENDS[:4])
def test_every_feature_under_the_runner_is_valid(
    workplace: Workplace, end: str, status: str
) -> None:
    folder = workplace.job / ".stagerun" / "runs" / "run1"
    folder.mkdir(parents=True)
    handed = {"path": "06_asr/a.json", "size_bytes": 2, "checksum": "sha256:" + "0" * 64}
    request = {
        "schema_version": 1,
        "run_id": "run1",
        "stage_id": "06_asr",
        "variant": None,
        "job": "out",
        "stages": ["01_demux", "06_asr"],
        "skipped": [],
        "config": {},
        "inputs": {"audio": [handed], "speech": []},
        "outputs": {"segments": {"file": "*.json", "type": "transcript", "optional": False}},
        "notices": ["no GPU was free"],
        "secrets": [],
    }
    (folder / "request.json").write_text(json.dumps(request))
    declared = "io.input('audio'); io.input('speech'); io.output('segments', 'a.json')\n"
    ended = workplace.run(
        EVERYTHING.replace("END", declared + end),
        STAGERUN_RUN_ID="run1",
        STAGERUN_STAGE="06_asr",
        OUTPUT_DIR=str(workplace.job),
    )
    manifest = validated(workplace.job / "06_asr" / "manifest.json")
    assert manifest.status == StageStatus(status), ended.err
    assert manifest.run_id == "run1"
    assert "no GPU was free" in manifest.warnings
    assert all(output.checksum is None for output in manifest.outputs)


def test_a_manifest_that_has_just_begun_is_valid(workplace: Workplace) -> None:
    workplace.run("import os\nfrom shared.stage_utils import StageIO\nStageIO('asr')\nos._exit(0)")
    manifest = validated(workplace.job / "06_asr" / "manifest.json")
    assert manifest.status is StageStatus.RUNNING
    assert manifest.duration_seconds is None
