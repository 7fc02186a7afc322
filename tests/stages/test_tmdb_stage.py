"""Stage 02 in its parent image, against a server of ours that answers as TMDB does."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.types import Mount

from tests.project_kit import run_stagerun
from tests.stages import tmdb_films
from tests.stages import tmdb_server as tmdb
from tests.stages.containers import LABEL, ROOT, Stages
from tests.stages.tmdb_kit import (
    ENCRYPTED,
    PASSWORD,
    PROXY,
    Ask,
    Server,
    enrichment,
    nowhere,
    skipped,
)

# Its network is Docker's: it finds containers by hostname, and Docker's firewall drops what goes
# between containers on such a network of another engine.
pytestmark = [pytest.mark.images, pytest.mark.engine, pytest.mark.docker]

PARTS = ["credits", "keywords", "translations"]


@pytest.fixture(scope="module")
def server(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server, on a network of its own from which nothing else can be reached."""
    assert stages is not None  # asked for because it skips where there are no images
    folder = tmp_path_factory.mktemp("server")
    client = docker.from_env()
    network = client.networks.create(
        f"stagerun-test-tmdb-{os.getpid()}", internal=True, labels={LABEL: ""}
    )
    try:
        container = client.containers.create(
            "stagerun/parent-http:current",
            ["python3", "-m", "tests.stages.tmdb_server", "/made"],
            mounts=[
                Mount("/server/tests", str(ROOT / "tests"), type="bind", read_only=True),
                Mount("/made", str(folder), type="bind"),
            ],
            labels={LABEL: ""},
            user=f"{os.getuid()}:{os.getgid()}",
            environment={"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": "/server"},
            network=network.name,
            hostname=tmdb.HOST,
            init=True,
        )
        try:
            container.start()
            while not container.logs(stdout=True, stderr=False):  # its first line says it is ready
                container.reload()
                assert container.status == "running", container.logs()
            yield Server(str(network.name), folder, container)
        finally:
            container.remove(force=True, v=True)
    finally:
        network.remove()
        client.close()


@pytest.fixture
def ask(stages: Stages, server: Server, tmp_path: Path) -> Ask:
    return Ask(stages, server, tmp_path)


def probe(job: Path, title: str) -> None:
    (job / "01_demux").mkdir()
    (job / "01_demux" / "probe.json").write_text(json.dumps({"title": title}))


def test_a_film_is_known_by_its_number_in_one_request(ask: Ask) -> None:
    before = len(ask.server.requests)
    found = enrichment(ask(TMDB_ID="101"))
    assert (
        found.items()
        >= {
            "movie_found": True,
            "source": "tmdb",
            "id": 101,
            "imdb_id": "tt0000101",
            "title": "The River",
            "year": 2026,
            "original_language": "en",
            "keywords": ["river", "flood"],
            "titles": {"ca": "El riu", "en": "The River", "es": "El río"},
        }.items()
    )
    assert found["cast"] == [
        {"name": "Tom Reyes", "character": "Dr. Pell"},
        {"name": "Ana Duarte", "character": "Maren Holt"},
    ]
    (request,) = ask.server.requests[before:]
    assert request["path"] == "/3/movie/101"
    appended = request["wanted"]["append_to_response"].split(",")
    assert {"credits", "keywords"} <= set(appended)
    assert request["wanted"]["language"] == "en-US"


def test_a_film_is_found_by_the_name_of_its_file(ask: Ask) -> None:
    probe(ask.job, "the.river.1952.720p.x264-OURS")  # a year off, as countries are
    assert enrichment(ask())["id"] == 102


def test_a_film_is_found_under_another_of_its_titles_with_a_warning(ask: Ask) -> None:
    ended = ask(TMDB_TITLE="The Nameless River", TMDB_YEAR="2019")
    assert enrichment(ended)["id"] == 103
    assert "taken was Le Fleuve sans nom (2019, TMDB_ID 103)" in ended.warnings


def test_a_film_is_found_by_its_number_at_imdb(ask: Ask) -> None:
    assert enrichment(ask(TMDB_ID="tt0000101"))["id"] == 101


@pytest.mark.parametrize(
    "film", [tmdb_films.BUSY_ONCE, tmdb_films.BUSY_BY_DATE, tmdb_films.TROUBLE_ONCE]
)
def test_a_server_that_asks_to_wait_is_asked_again(ask: Ask, film: int) -> None:
    before = len(ask.server.requests)
    ended = ask(TMDB_ID=str(film))
    assert enrichment(ended)["id"] == film
    assert len(ask.server.requests) - before == 2
    assert "Next attempt in" in ended.output


@pytest.mark.parametrize(
    ("film", "outcome", "reason"),
    [
        (404, "unknown_film", "TMDB has no film with the number 404: check TMDB_ID"),
        (tmdb_films.BUSY_FOR_LONG, "too_many_requests", "asks to wait 600 s. That is too long"),
        (tmdb_films.SLOW, "too_slow", "not complete within 0.5 s (TMDB_TIMEOUT)"),
        (tmdb_films.HUGE, "unreadable_answer", "more than 4 MiB"),
        (tmdb_films.HTML, "unreadable_answer", "no JSON (text/html, 19 bytes)"),
        (tmdb_films.CUT_OFF, "unreadable_answer", "does not speak HTTP properly"),
        (tmdb_films.PACKED, "unreadable_answer", "is packed"),
        (tmdb_films.NOT_HTTP, "unreadable_answer", "does not speak HTTP properly"),
        (tmdb_films.DEEP, "unreadable_answer", "no JSON"),
    ],
)
def test_whatever_the_server_does_the_job_goes_on_and_says_why(
    ask: Ask, film: int, outcome: str, reason: str
) -> None:
    # A whole body of 64 GiB would come, and the memory limit holds 128 MiB.
    seconds = "0.5" if film == tmdb_films.SLOW else "10"
    found, told = skipped(ask(TMDB_ID=str(film), TMDB_ATTEMPTS="1", TMDB_TIMEOUT=seconds))
    assert found == outcome
    assert reason in told


def test_a_wrong_token_is_told_loudly_and_asked_with_once(ask: Ask) -> None:
    before = len(ask.server.requests)
    ended = ask(token="0123456789abcdef0123456789abcdef", TMDB_ID="101")
    outcome, reason = skipped(ended)
    assert outcome == "token_refused"
    assert 'not the short "API Key"' in reason
    assert [request["is_known"] for request in ask.server.requests[before:]] == [False]


def test_a_server_that_cannot_be_reached_is_no_failure(ask: Ask) -> None:
    closed = f"http://{tmdb.HOST}:9"
    outcome, reason = skipped(ask(TMDB_ID="101", TMDB_URL=closed, TMDB_ATTEMPTS="1"))
    assert outcome == "unreachable"
    assert f"TMDB cannot be reached at {tmdb.HOST}" in reason


def test_no_film_of_that_title_names_those_that_are_near(ask: Ask) -> None:
    outcome, reason = skipped(ask(TMDB_TITLE="River", TMDB_YEAR="1990"))
    assert outcome == "unknown_film"
    assert "no film 'River' of 1990. It knows The River (2026, TMDB_ID 101)" in reason


def test_without_a_token_nothing_is_asked(stages: Stages, tmp_path: Path) -> None:
    outcome, reason = skipped(stages.run("02_tmdb", tmp_path, TMDB_ID="101"))
    assert outcome == "not_asked"
    assert "stagerun.yaml, secrets: tmdb" in reason


def test_an_encrypted_server_is_trusted_by_the_sites_certificates_only(ask: Ask) -> None:
    ask_there = {"TMDB_URL": ENCRYPTED, "TMDB_ID": "101", "TMDB_ATTEMPTS": "1"}
    outcome, reason = skipped(ask(**ask_there))
    assert outcome == "unreachable"
    assert "certificate verify failed" in reason
    ended = ask(**ask_there, SSL_CERT_FILE="/run/secrets/ca")
    assert enrichment(ended)["id"] == 101
    assert ended.manifest["warnings"] == []


def test_the_sites_proxy_is_used_without_and_with_encryption(ask: Ask) -> None:
    before = len(ask.server.requests)
    certificates = "/run/secrets/ca"
    plain = ask(TMDB_ID="101", TMDB_URL=f"http://{tmdb.BEHIND_PROXY}", HTTP_PROXY=PROXY)
    behind = f"https://{tmdb.BEHIND_PROXY}"
    encrypted = ask(
        TMDB_ID="101", TMDB_URL=behind, HTTPS_PROXY=PROXY, REQUESTS_CA_BUNDLE=certificates
    )
    assert enrichment(plain)["id"] == enrichment(encrypted)["id"] == 101
    first, tunnel, _ = ask.server.requests[before:]
    assert first["via"] == f"{tmdb.BEHIND_PROXY} by proxy"
    assert tunnel == {"connect": f"{tmdb.BEHIND_PROXY}:443"}


def test_a_proxy_that_wants_a_password_says_so(ask: Ask) -> None:
    proxy = f"http://{tmdb.HOST}:{tmdb.PROXY_PORT}"
    url = f"https://{tmdb.BEHIND_PROXY}"
    ended = ask(TMDB_ID="101", TMDB_URL=url, HTTPS_PROXY=proxy, TMDB_ATTEMPTS="1")
    outcome, reason = skipped(ended)
    assert outcome == "unreachable"
    assert "proxy does not let the request for TMDB pass: 407" in reason


def test_the_runner_hands_in_token_network_certificates_and_proxy(
    server: Server, tmp_path: Path
) -> None:
    project, job = tmp_path / "project", tmp_path / "job"
    for name in ("images", "shared"):
        shutil.copytree(ROOT / name, project / name)
    for stage in ("01_demux", "02_tmdb"):
        shutil.copytree(ROOT / "stages" / stage, project / "stages" / stage)
    (project / "stagerun.yaml").write_text(
        "name: subtitles\n"
        f"secrets: {{tmdb: {server.token()}}}\n"
        f"network: {{name: {server.network}, ca_bundle: {server.certificates}, proxy: '{PROXY}'}}\n"
        f"config: {{TMDB_URL: 'https://{tmdb.BEHIND_PROXY}'}}\n"
    )
    (tmp_path / "film.mkv").write_text("not looked at")
    settings = ("--set", "TMDB_ID=101")
    media = f"media={tmp_path}/film.mkv"
    begun = run_stagerun("init", job, "--input", media, *settings, project=project)
    assert begun.returncode == 0, begun.stderr
    run = run_stagerun("02_tmdb", job, "--dev", "-v", project=project)
    text = run.stdout + run.stderr
    assert run.returncode == 0, text
    assert json.loads((job / "02_tmdb/enrichment.json").read_text())["id"] == 101
    assert nowhere(tmdb.TOKEN, text, job)
    assert nowhere(PASSWORD, text, job)


def details_file(job: Path, text: str) -> None:
    (job / "input").mkdir()
    (job / "input" / "tmdb.json").write_text(text)


def test_a_file_tells_the_same_without_token_and_network(ask: Ask, tmp_path: Path) -> None:
    asked = enrichment(ask(TMDB_ID="101"))
    job = tmp_path / "offline"
    job.mkdir()
    details_file(job, json.dumps(tmdb_films.details(tmdb_films.FILMS[101], PARTS)))
    told = enrichment(ask.stages.run("02_tmdb", job))
    assert {**told, "source": "tmdb"} == asked
    shutil.rmtree(job / "input")
    details_file(job, json.dumps(told))  # what the stage wrote is such a file, too
    assert enrichment(ask.stages.run("02_tmdb", job)) == told


def test_a_file_that_is_no_details_fails(stages: Stages, tmp_path: Path) -> None:
    details_file(tmp_path, '{"name": ""}')
    ended = stages.run("02_tmdb", tmp_path)
    assert (ended.exit_code, ended.manifest["status"]) == (1, "failed")
    assert ended.manifest["errors"][0]["exception_type"] == "DetailsError"
    assert "tmdb.json describes no film: it has no title" in ended.errors


def test_a_setting_that_cannot_be_used_fails_by_name(stages: Stages, tmp_path: Path) -> None:
    ended = stages.run("02_tmdb", tmp_path, TMDB_URL="https://me:secret@host")
    assert (ended.exit_code, ended.manifest["status"]) == (1, "failed")
    assert "TMDB_URL is an address with a password" in ended.errors
    assert nowhere("me:secret", ended.output, tmp_path)
