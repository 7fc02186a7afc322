"""What the shell offers while a command is typed."""

from pathlib import Path

import pytest
from click.shell_completion import CompletionItem, ShellComplete

from runner.cli.context import Context
from runner.cli.models import command
from runner.cli.verbs import group
from tests.unit.cli.bench import PROBE, Bench

MODELS = """\
    summary: Copies its input
    parent: base
    outputs: {copy: {file: copy.txt, type: text}}
    config: {SIZE: {type: str, default: small, help: How large}}
    models: {words: {folder: "words/{SIZE}", files: [model.bin]}}
"""
WITH_STORE = "workflows: {first: [50_probe/copy]}\nmodels: store\n"


@pytest.fixture(autouse=True)
def in_the_project(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.kit.root)


def items(*words: str, incomplete: str) -> list[CompletionItem]:
    shell = ShellComplete(group, {"obj": Context()}, "stagerun", "_STAGERUN_COMPLETE")
    return shell.get_completions(list(words), incomplete)


def completed(*words: str, incomplete: str) -> set[str]:
    found = items(*words, incomplete=incomplete)
    return {str(item.value) for item in found if item.type == "plain"}


def types(*words: str, incomplete: str) -> set[str]:
    return {item.type for item in items(*words, incomplete=incomplete)}


def test_the_shell_completes_verbs_stages_and_options() -> None:
    assert completed(incomplete="st") == {"status", "stages"}
    assert {"50_probe", "51_next", "run"} <= completed(incomplete="")
    assert completed(incomplete="pr") == {"probe"}
    assert completed("run", "job", "--upto", incomplete="5") == {"50_probe", "51_next", "52_last"}
    assert "--memory" in completed("probe", incomplete="--me")


def test_the_shell_completes_the_names_of_models(bench: Bench) -> None:
    bench.kit.spec(PROBE, MODELS)
    bench.kit.settings(WITH_STORE)
    Path("old.bin").write_text("weights")
    assert bench.say(command, "add", "words/old", "old.bin").code == 0
    assert completed("models", incomplete="") == {"add", "verify"}
    assert completed("models", incomplete="v") == {"verify"}
    assert completed("models", "add", incomplete="") == {"words/small", "words/old"}
    assert completed("models", "add", incomplete="words/s") == {"words/small"}
    assert completed("models", "verify", incomplete="") == {"words/old"}
    assert completed("models", "verify", "words/old", incomplete="") == set()


def test_the_shell_completes_jobs_and_files_where_models_takes_them(bench: Bench) -> None:
    assert "dir" in types("models", incomplete="out/")
    assert types("models", "add", "words/small", incomplete="down") == {"file"}
    assert types("models", "verify", incomplete="") == set()
    assert types("models", "add", "words/small", "downloaded", incomplete="") == set()
    assert bench.engine.created == []


def test_without_a_store_the_shell_completes_the_models_that_are_needed(bench: Bench) -> None:
    bench.kit.spec(PROBE, MODELS)
    assert completed("models", "add", incomplete="") == {"words/small"}
    assert completed("models", "verify", incomplete="") == set()
    bench.kit.spec(PROBE, "nonsense")
    assert completed("models", "add", incomplete="") == set()
