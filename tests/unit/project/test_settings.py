"""stagerun.yaml: defaults, paths and limits."""

from pathlib import Path

import pytest

from runner.errors import SettingsError
from runner.project.settings import load_settings


def settings_file(root: Path, text: str) -> Path:
    (root / "stagerun.yaml").write_text(text)
    return root


def test_a_project_without_settings_has_every_default(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert settings.network.name == "bridge"
    assert settings.limits.memory == 2 << 30
    assert settings.limits.timeout == 7200
    assert settings.limits.stages_at_once == 2
    assert settings.models is None


def test_paths_are_relative_to_the_project(tmp_path: Path) -> None:
    text = "models: store\nsecrets: {tmdb: keys/tmdb, other: /etc/other}\n"
    text += "network: {ca_bundle: keys/ca.crt}\n"
    settings = load_settings(settings_file(tmp_path, text))
    assert settings.models == tmp_path / "store"
    assert settings.network.ca_bundle == tmp_path / "keys/ca.crt"
    assert settings.secrets == {"tmdb": tmp_path / "keys/tmdb", "other": Path("/etc/other")}


def test_a_tilde_is_the_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert load_settings(settings_file(tmp_path, "models: ~/m\n")).models == tmp_path / "home/m"


def test_switches_of_a_stage_are_its_limits_and_whether_it_runs(tmp_path: Path) -> None:
    settings = load_settings(settings_file(tmp_path, "stages: {a: {enabled: no, memory: 1GiB}}\n"))
    assert settings.stages["a"].enabled is False
    assert settings.stages["a"].resources.memory == 1 << 30


@pytest.mark.parametrize(
    "text",
    [
        "limits: {stages_at_once: 0}",
        "limits: {memory: 0}",
        "limits: {timeout: 0s}",
        "limits: {pids: -1}",
        "limits: {cpus: 0}",
        "workflows: {empty: []}",
        "workflows: {bad: [no_output]}",
        "base: other",
        "network: host",
        "name: a/b",
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"stagerun\.yaml, line 1, column"):
        load_settings(settings_file(tmp_path, f"{text}\n"))


def test_no_time_to_end_gracefully_is_a_choice(tmp_path: Path) -> None:
    text = "limits: {stop_grace: 0, disk_free: 0}\n"
    assert load_settings(settings_file(tmp_path, text)).limits.stop_grace == 0
