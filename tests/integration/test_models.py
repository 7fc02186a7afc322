"""A model of the store in a real container: read-only, where the stage looks for it."""

import json

import pytest

from tests.project_kit import STAGE_CODE, Kit

pytestmark = pytest.mark.engine

SPEC = """\
    summary: Copies a model
    parent: base
    inputs: {text: input/text}
    outputs: {copy: {file: copy.txt, type: text}}
    config: {SIZE: {type: str, default: small, help: How large}}
    models: {words: {folder: "words/{SIZE}", files: [deep/model.txt, [a.json, a.txt]]}}
    resources: {cpus: 1, memory: 128MiB, tmp: 16MiB, pids: 64, timeout: 60s}
"""
READ = 'shutil.copyfile(io.model("words") / "deep/model.txt", io.output("copy"))'
WRITE = 'io.model("words").joinpath("deep/model.txt").write_text("mine")'


def with_model(kit: Kit) -> None:
    kit.spec("50_probe", SPEC)
    kit.settings("workflows: {first: [50_probe/copy]}\nmodels: store\n")
    code = STAGE_CODE.format(stage="50_probe")
    copying = 'shutil.copyfile(io.input("text"), io.output("copy"))'
    trying = (
        f"try:\n        {WRITE}\n    except OSError as problem:\n        io.add_warning(problem)"
    )
    kit.code("50_probe", code.replace(copying, f"{READ}\n    {trying}"))


def test_a_stage_reads_its_model_and_cannot_write_it(real_kit: Kit) -> None:
    with_model(real_kit)
    job = real_kit.job()
    refused = real_kit.run("50_probe", job, "--dev")
    assert refused.returncode == 5
    assert "store/words/small must hold deep/model.txt, a.json or a.txt." in refused.stdout
    (real_kit.root / "download/deep").mkdir(parents=True)
    (real_kit.root / "download/deep/model.txt").write_text("weights")
    added = real_kit.run("models", "add", "words/small", "download")
    assert added.returncode == 0, added.stderr
    assert "words/small is incomplete: 50_probe also needs a.json or a.txt" in added.stdout
    refused = real_kit.run("50_probe", job, "--dev")
    assert refused.returncode == 5
    assert "store/words/small lacks a.json or a.txt." in refused.stdout
    assert not (job / "50_probe").exists()
    (real_kit.root / "a.txt").write_text("list")
    assert real_kit.run("models", "add", "words/small", "a.txt").returncode == 0
    ran = real_kit.run("50_probe", job, "--dev")
    assert ran.returncode == 0, ran.stdout
    assert (job / "50_probe/copy.txt").read_text() == "weights"
    manifest = json.loads((job / "50_probe/manifest.json").read_text())
    assert manifest["models"]["words"]["folder"] == "/models/words/small"
    assert "Read-only file system" in manifest["warnings"][0]
    assert "cached" in real_kit.run("50_probe", job, "--dev").stdout
