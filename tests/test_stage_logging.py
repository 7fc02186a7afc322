#!/usr/bin/env python3
"""A stage that uses StageIO from end to end; standard library only.

Run by itself it prints the job's tree, both logs and the manifest:
python3 tests/test_stage_logging.py
"""

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from shared.stage_utils import StageIO


def run_demo_stage(job: Path) -> StageIO:
    """One stage that reads, writes, logs, warns and ends well."""
    source = job / "input" / "speech.wav"
    source.parent.mkdir(parents=True)
    source.write_bytes(b"RIFF" + bytes(1_000))

    io = StageIO("asr", job)
    logger = io.get_stage_logger()
    logger.debug("only in stage.log")
    logger.info("listening")
    io.track_input(source, "audio", format="wav")
    io.set_config({"model": "tiny", "device": "cpu", "batch_size": 16})

    transcript = io.get_output_path("transcript.json")
    transcript.write_text(json.dumps({"segments": []}), encoding="utf-8")
    io.track_output(transcript, "transcript", segments=0)
    cache = io.get_output_path(".cache/features.bin")
    cache.write_bytes(bytes(64))
    io.track_intermediate(cache, retained=True, reason="features for the next run")

    logger.warning("nobody spoke")
    io.add_warning("nobody spoke")
    io.finalize(status="success")
    logger.info("done")
    return io


def pipeline_log(job: Path) -> Path:
    """The log of this process's stages."""
    return next((job / "logs").glob("99_pipeline_*.log"))


def tree(folder: Path, indent: str = "") -> list[str]:
    """The names below a folder, one per line."""
    lines = []
    for path in sorted(folder.iterdir()):
        lines.append(indent + path.name + ("/" if path.is_dir() else ""))
        if path.is_dir():
            lines += tree(path, indent + "    ")
    return lines


def test_both_logs_get_the_levels_that_they_should(tmp_path: Path) -> None:
    io = run_demo_stage(tmp_path)
    stage_log = io.stage_log.read_text(encoding="utf-8")
    main_log = pipeline_log(tmp_path).read_text(encoding="utf-8")
    assert "only in stage.log" in stage_log
    assert "only in stage.log" not in main_log
    for text in ("listening", "nobody spoke", "done"):
        assert text in stage_log
        assert text in main_log


def test_the_manifest_tells_what_the_stage_read_and_wrote(tmp_path: Path) -> None:
    io = run_demo_stage(tmp_path)
    manifest = json.loads(io.manifest_path.read_text(encoding="utf-8"))
    assert manifest["status"] == "success"
    assert [entry["path"] for entry in manifest["inputs"]] == ["input/speech.wav"]
    assert [entry["path"] for entry in manifest["outputs"]] == ["06_asr/transcript.json"]
    assert [entry["retained"] for entry in manifest["intermediate_files"]] == [True]
    assert manifest["config"]["batch_size"] == 16
    assert manifest["warnings"] == ["nobody spoke"]
    assert manifest["errors"] == []


def main() -> int:
    """Check the demonstration, then show what it left."""
    checks = (
        test_both_logs_get_the_levels_that_they_should,
        test_the_manifest_tells_what_the_stage_read_and_wrote,
    )
    for check in checks:
        with tempfile.TemporaryDirectory() as folder:
            check(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder, "job")
        io = run_demo_stage(job)
        for title, text in (
            ("Tree", "\n".join(tree(job))),
            ("Stage log", io.stage_log.read_text(encoding="utf-8")),
            ("Pipeline log", pipeline_log(job).read_text(encoding="utf-8")),
            ("Manifest", io.manifest_path.read_text(encoding="utf-8")),
        ):
            sys.stdout.write(f"--- {title} ---\n{text}\n")
    sys.stdout.write(f"All {len(checks)} checks passed.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
