"""The user's pages say what the code does."""

import json
import re
import shlex
from pathlib import Path
from typing import Any, Final

import click
import pytest
from pydantic import BaseModel

from runner.cli.context import Context
from runner.cli.verbs import VERBS, group
from runner.errors import (
    EXIT_CODES,
    SIGNAL_EXIT_CODES,
    FixtureError,
    JobFileError,
    SettingsError,
    SpecError,
    UsageError,
    Verdict,
)
from runner.project.document import load_document
from runner.project.fixture_schema import ExpectFile, FixtureFile
from runner.project.quantity import parse_duration, parse_size
from runner.project.retry import RETRIED
from runner.project.retry_schema import ChangePart, RetryPart
from runner.project.schema import (
    JobFile,
    KeyPart,
    ModelPart,
    OutputPart,
    ParentPart,
    ResourcesPart,
    StageFile,
)
from runner.project.settings_schema import GpuPart, LimitsPart, NetworkPart, SettingsFile
from tests.project_kit import ROOT
from tests.unit.docs_pages import (
    NAMES,
    PAGES,
    blocks,
    codes,
    commands,
    exists,
    links,
    names_in,
    page,
    rows,
)
from tests.unit.test_manifest_page import DOCUMENTS

ALL_COMMANDS: Final = sorted({command for name in NAMES for command in commands(page(name))})
IN_PLACE_OF: Final = {
    "VERB": "run",
    "STAGE": "06_asr",
    "KEY=VALUE": "SOURCE_LANGUAGE=en",
    "words": "06_asr",
    "shots": "06_asr",
    "your_stage": "06_asr",
}
FILES: Final[dict[str, tuple[type[BaseModel], type[UsageError]]]] = {
    "stage.yaml": (StageFile, SpecError),
    "job.yaml": (JobFile, JobFileError),
    "stagerun.yaml": (SettingsFile, SettingsError),
    "fixture.yaml": (FixtureFile, FixtureError),
    "expect.yaml": (ExpectFile, FixtureError),
}
TABLES: Final = [
    ("docs/stage-yaml.md", "Keys", StageFile),
    ("docs/stage-yaml.md", "parents", ParentPart),
    ("docs/stage-yaml.md", "outputs", OutputPart),
    ("docs/stage-yaml.md", "config", KeyPart),
    ("docs/stage-yaml.md", "models", ModelPart),
    ("docs/stage-yaml.md", "resources", ResourcesPart),
    ("docs/stage-yaml.md", "retry", RetryPart),
    ("docs/job-and-settings.md", "job.yaml", JobFile),
    ("docs/job-and-settings.md", "stagerun.yaml", SettingsFile),
    ("docs/job-and-settings.md", "limits", LimitsPart),
    ("docs/job-and-settings.md", "network", NetworkPart),
    ("docs/job-and-settings.md", "gpu", GpuPart),
    ("docs/fixtures.md", "fixture.yaml", FixtureFile),
    ("docs/fixtures.md", "expect.yaml", ExpectFile),
]
SIZES: Final = ("memory", "tmp", "shm", "disk_free")
CONTAINER_VARIABLES: Final = {"STAGERUN_STAGE", "STAGERUN_RUN_ID", "STAGERUN_VARIANT"}
OLD_NAMES: Final = (
    "docs/STAGE_LOGGING_ARCHITECTURE.md",
    "docs/STAGE_LOGGING_IMPLEMENTATION_GUIDE.md",
    "docs/STAGE_LOGGING_SUMMARY.md",
    "PHASE3_IMPLEMENTATION_PROGRESS.md",
    "developer/DEVELOPER_STANDARDS.md",
    "CODE_EXAMPLES.md",
    ".github/copilot-instructions.md",
    "scripts/demux.py",
    "scripts/tmdb_enrichment_stage.py",
    "scripts/your_stage.py",
    "./scripts/validate-compliance.py scripts/your_stage.py",
    "python3 -m py_compile scripts/your_stage.py",
    "python3 scripts/your_stage.py",
    "python3 test_stage_logging.py",
)


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_a_link_leads_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [target for target in links(text) if not exists(target, path)] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    linked = {(ROOT / target.partition("#")[0]).resolve() for target in links(page("README.md"))}
    assert set((ROOT / "docs").glob("*.md")) <= linked


@pytest.mark.parametrize("line", ALL_COMMANDS)
def test_a_command_of_the_docs_is_one_that_the_command_line_knows(line: str) -> None:
    words = [IN_PLACE_OF.get(word, word) for word in shlex.split(line)[1:]]
    if words[0] in VERBS and len(words) == 1:
        return  # a verb is spoken of, not called
    call = click.Context(group, info_name="stagerun", obj=Context(project_folder=ROOT))
    with call:
        _, rest, _ = group.make_parser(call).parse_args(list(words))
        name, command, arguments = group.resolve_command(call, rest)
        assert command is not None
        # The help was asked for, and is printed while the words are read.
        if "--help" in arguments:
            return
        given = command.make_context(name, list(arguments), parent=call)
        if isinstance(command, click.Group):
            part = command.get_command(given, arguments[0])
            assert part is not None
            part.make_context(arguments[0], list(arguments[1:]), parent=given)


@pytest.mark.parametrize("name", ["docs/gpu-box.md", "docs/commands.md"])
def test_a_line_for_cron_goes_to_the_project_and_sends_no_mail_when_all_is_well(name: str) -> None:
    (block,) = [block for block in blocks(page(name)) if block.language == "crontab"]
    assert re.fullmatch(r"(\* ){5}cd \S+ && \.venv/bin/stagerun metrics -q [^%\n]+\n", block.text)


def test_every_verb_is_in_the_table_of_the_readme_and_in_the_page_of_commands() -> None:
    readme = {names_in(row[0])[0].split()[1] for row in rows("README.md", header="command")}
    assert set(VERBS) <= readme
    assert set(VERBS) <= {command.split()[1] for command in commands(page("docs/commands.md"))}


def test_every_option_of_every_verb_is_in_the_page_of_commands() -> None:
    call = click.Context(group, info_name="stagerun", obj=Context(project_folder=ROOT))
    known = {
        option
        for name in (*VERBS, "06_asr")
        if (verb := group.get_command(call, name)) is not None
        for command in (verb, *getattr(verb, "commands", {}).values())
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    }
    written = set(re.findall(r"--[a-z][a-z-]*", " ".join(codes(page("docs/commands.md")))))
    assert written == known | {"--help"}


@pytest.mark.parametrize("name", NAMES)
def test_a_yaml_example_is_one_that_the_loader_takes(name: str, tmp_path: Path) -> None:
    for number, block in enumerate(blocks(page(name))):
        if block.language != "yaml":
            continue
        assert block.kind is not None, f"say which file this is: {block.text}"
        model, error = FILES[block.kind]
        path = tmp_path / f"{number}-{block.kind}"
        path.write_text(block.text, encoding="utf-8")
        load_document(path, lambda model=model: model, error, kind=block.kind)  # type: ignore[misc]  # mypy cannot type a default of a lambda


@pytest.mark.parametrize("name", NAMES)
def test_a_json_example_fits_its_model(name: str) -> None:
    for block in blocks(page(name)):
        if block.language == "json" and name == "docs/stages.md":
            assert isinstance(json.loads(block.text), dict)  # what one stage hands to another
        elif block.language == "json":
            assert block.kind is not None, f"say which document this is: {block.text}"
            DOCUMENTS[block.kind].model_validate_json(block.text)


@pytest.mark.parametrize(("name", "heading", "model"), TABLES)
def test_a_table_of_keys_has_every_key_and_no_other(
    name: str, heading: str, model: type[BaseModel]
) -> None:
    written = [names_in(row[0])[0] for row in rows(name, heading, header="key")]
    assert sorted(written) == sorted(
        field.alias or key for key, field in model.model_fields.items()
    )


def test_the_page_of_specs_names_every_cause_that_is_retried_and_every_part_of_a_change() -> None:
    table = {row[0]: row[1] for row in rows("docs/stage-yaml.md", "retry", header="key")}
    assert names_in(table["`on`"]) == list(RETRIED)
    changes = rows("docs/stage-yaml.md", "retry", header="key of a change")
    assert [name for row in changes for name in names_in(row[0])] == list(ChangePart.model_fields)


def test_the_defaults_of_limits_are_those_of_the_code() -> None:
    defaults: dict[str, Any] = LimitsPart().model_dump()
    for key, _, text in rows("docs/job-and-settings.md", "limits", header="key"):
        name = names_in(key)[0]
        read = parse_size if name in SIZES else parse_duration
        assert read(text) == defaults[name], name


def test_the_readme_has_every_exit_code() -> None:
    table = {row[0]: names_in(row[1]) for row in rows("README.md", header="code")}
    signals = ", ".join(str(code) for code in SIGNAL_EXIT_CODES.values())
    assert table.pop(signals) == [Verdict.CANCELLED]
    assert table.pop(str(UsageError.exit_code))
    written = {name: int(code) for code, names in table.items() for name in names}
    codes_of = {str(verdict): code for verdict, code in EXIT_CODES.items()}
    del codes_of[Verdict.CANCELLED]
    assert written == codes_of


def test_troubleshooting_has_every_verdict_with_its_exit_code_and_a_section() -> None:
    table = rows("docs/troubleshooting.md", header="verdict")
    written = {names_in(row[0])[0]: int(row[1]) for row in table}
    assert written == {str(verdict): code for verdict, code in EXIT_CODES.items()}
    sections = re.findall(r"^## (\w+)$", page("docs/troubleshooting.md"), re.MULTILINE)
    assert sections == list(written)


def test_every_environment_variable_of_the_runner_is_documented() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "runner").rglob("*.py")]
    used = set(re.findall(r'"(STAGERUN_[A-Z_]+)"', "\n".join(sources))) - CONTAINER_VARIABLES
    table = rows("docs/job-and-settings.md", "Environment variables", header="variable")
    assert used <= {name for row in table for name in names_in(row[0])}


def test_every_old_name_has_a_successor() -> None:
    text = page("docs/old-names.md")
    table = [line for line in text.splitlines() if line.startswith("| `")]
    for name in OLD_NAMES:
        (row,) = [line for line in table if f"`{name}`" in line.split("|")[1]]
        assert row.split("|")[2].strip()


def test_every_call_that_old_stages_make_is_there() -> None:
    from shared.stage_manifest import StageManifest as Written
    from shared.stage_utils import StageIO

    section = page("docs/old-names.md").split("## Calls")[1]
    for code in codes(section):
        name = code.partition("(")[0]
        if name.startswith("manifest."):
            assert hasattr(Written, name.removeprefix("manifest.")), name
        elif name not in ("StageIO", "load_config", "get_logger"):
            assert hasattr(StageIO, name), name


def test_every_call_of_the_page_on_writing_stages_is_there() -> None:
    from shared.stage_utils import StageIO

    called = re.findall(r"(?<!-)\bio\.(\w+)", page("docs/write-a-stage.md"))
    assert [name for name in called if not hasattr(StageIO, name)] == []


def test_the_changelog_knows_the_version() -> None:
    from runner.version import VERSION

    assert re.search(
        rf"^## \[{re.escape(VERSION)}\] - \d{{4}}-\d\d-\d\d$", page("CHANGELOG.md"), re.MULTILINE
    )


def test_what_the_demo_puts_beside_the_users_jobs_is_a_job_and_nothing_else() -> None:
    targets = re.split(r"^(\w+):.*$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    demo = targets[targets.index("demo") + 1]
    assert set(re.findall(r"\bout/[\w./-]+", demo)) == {"out/demo"}
    (film,) = set(re.findall(r"media=(\S+)", demo))
    assert f"making the demo's film {film}\n" in page("README.md")
    assert f"/{Path(film).parent}/" in (ROOT / ".gitignore").read_text().splitlines()
