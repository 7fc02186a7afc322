"""The named steps at which runners are killed: what they are called, and that none is forgotten."""

import ast
from pathlib import Path
from typing import Final

import pytest

from tests.project_kit import ROOT
from tests.soak.fault_points import BY_DESCRIPTOR, BY_PATHS, place_name

OF_A_RUN: Final = ("job", "run", "observers")
HARMLESS: Final = {
    "access", "close", "fdopen", "fsencode", "fstat", "fstatvfs", "getegid", "geteuid", "getpid",
    "open", "pread", "read", "scandir", "strerror", "urandom", "walk",
}  # fmt: skip
"""What changes nothing. Opening may make a file; what is empty then is a step of its own later."""

APART: Final = {
    "chown": "for root only",
    "fchown": "for root only",
    "sendfile": "copies an input into a job that nobody sees yet",
    "utime": "the same",
}


def calls_of(module: str) -> set[str]:
    """The functions of a module that the code of a run calls."""
    files = (path for part in OF_A_RUN for path in (ROOT / "runner" / part).rglob("*.py"))
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in files)
    nodes = (node.func for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == module
    }


def test_every_way_to_change_a_file_is_a_named_step() -> None:
    assert calls_of("os") - HARMLESS - APART.keys() <= {*BY_PATHS, *BY_DESCRIPTOR}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/job", "the job"),
        ("/job/manifest.json", "manifest.json"),
        ("/job/.manifest.json.ab12_xyz", "manifest.json"),
        (
            "/job/.stagerun/runs/20261121-0914-7f3a/.record.json.k3_0abcd",
            ".stagerun/runs/RUN/record.json",
        ),
        ("/job/.50_probe.removed.ab12cd34/0/copy.txt", ".50_probe.removed"),
        ("/job/logs/99_pipeline_20261121T091400Z_77.log", "logs/PIPELINE.log"),
        ("/run/user/0/stagerun-0/slots/3.lock", "a place to run"),
        ("/run/user/0/stagerun-0/memory/12-ab12cd34.json", "the promises of memory"),
        ("/run/user/0/stagerun-0/private/20261121-0914-7f3a-ab12/secret-token", "the secrets"),
        ("/elsewhere", None),
    ],
)
def test_a_step_has_the_same_name_in_every_run(path: str, name: str | None) -> None:
    assert place_name(Path("/job"), path) == name
