"""The demonstration that the card names: it runs by itself, with a Python and nothing else."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.contract.workplace import ROOT

PARTS = ("Tree", "Stage log", "Pipeline log", "Manifest")


def test_it_shows_tree_logs_and_manifest_with_the_standard_library_alone(
    tmp_path: Path, python: str
) -> None:
    # -I and -S leave out everything that is installed beside the standard library.
    (tmp_path / "tests").mkdir()
    program = shutil.copy(ROOT / "tests" / "test_stage_logging.py", tmp_path / "tests")
    left_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "shared", tmp_path / "shared", ignore=left_out)
    ended = subprocess.run(
        [python, "-I", "-S", program],
        cwd="/",
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("All 2 checks passed.\n")
    shown = dict(part.split(" ---\n", 1) for part in ended.stdout.split("--- ")[1:])
    assert tuple(shown) == PARTS
    assert "06_asr/" in shown["Tree"].splitlines()
    assert "only in stage.log" in shown["Stage log"]
    assert "only in stage.log" not in shown["Pipeline log"]
    assert "nobody spoke" in shown["Pipeline log"]
    manifest, _ = json.JSONDecoder().raw_decode(shown["Manifest"])
    assert (manifest["stage_id"], manifest["status"]) == ("06_asr", "success")
