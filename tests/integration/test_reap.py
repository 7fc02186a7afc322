"""``stagerun reap`` and every start of a run: what dead runners left goes, and nothing else."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from runner.host.engine import LABEL, DockerEngine
from runner.host.machine import ProcessIdentity
from tests.faults.calls import program, started, wait_until
from tests.project_kit import Kit

# A start of a run by any other test would clear up what these tests leave to be found.
pytestmark = [pytest.mark.engine, pytest.mark.alone]

ME = ProcessIdentity.current()
DEAD = replace(ME, started=ME.started - 1)
"""A process that had this one's number before it."""


@pytest.fixture
def job(real_kit: Kit) -> Path:
    return real_kit.job()


@pytest.fixture
def made(engine: DockerEngine, job: Path) -> Iterator[list[str]]:
    """The ids of containers that a test makes, which are gone after it."""
    identifiers: list[str] = []
    yield identifiers
    for container in engine.containers({f"{LABEL}job": str(job)}):
        container.remove()


def make(
    engine: DockerEngine,
    job: Path,
    made: list[str],
    owner: ProcessIdentity,
    *,
    running: bool = True,
    more: Mapping[str, str] | None = None,
) -> str:
    """A container as a runner leaves it whose run is over."""
    identifier = engine.api.create_container(
        "stagerun/50_probe:main",
        entrypoint=["sleep"],
        command=["60"],
        labels={
            f"{LABEL}job": str(job),
            f"{LABEL}stage": "50_probe",
            f"{LABEL}run": "20261121-0914-dead",
            f"{LABEL}owner.pid": str(owner.pid),
            f"{LABEL}owner.started": str(owner.started),
            f"{LABEL}boot": owner.boot_id,
            f"{LABEL}machine": owner.machine_id,
            **(more or {}),
        },
        network_disabled=True,
    )["Id"]
    made.append(identifier)
    if running:
        engine.api.start(identifier)
    return str(identifier)


def there(engine: DockerEngine, job: Path) -> set[str]:
    return {container.id for container in engine.containers({f"{LABEL}job": str(job)})}


def test_a_dead_runners_container_goes_whether_it_runs_or_not(
    real_kit: Kit, engine: DockerEngine, job: Path, made: list[str]
) -> None:
    make(engine, job, made, DEAD)
    make(engine, job, made, DEAD, running=False)
    shown = real_kit.run("reap", "--dry-run")
    assert shown.stdout.count("its run 20261121-0914-dead is over") == 2, shown.stderr
    assert there(engine, job) == set(made)
    assert real_kit.run("reap").returncode == 0
    assert there(engine, job) == set()


def test_what_the_living_others_and_strangers_have_stays(
    real_kit: Kit, engine: DockerEngine, job: Path, made: list[str]
) -> None:
    make(engine, job, made, ME)
    make(engine, job, made, replace(DEAD, machine_id="another"))
    make(engine, job, made, DEAD, more={f"{LABEL}owner.pid": "no number"})
    assert real_kit.run("reap").returncode == 0
    assert there(engine, job) == set(made)


def test_a_container_of_an_earlier_boot_goes(
    real_kit: Kit, engine: DockerEngine, job: Path, made: list[str]
) -> None:
    make(engine, job, made, replace(ME, boot_id="an earlier one"), running=False)
    assert real_kit.run("reap").returncode == 0
    assert there(engine, job) == set()


def test_a_container_whose_job_is_gone_goes(
    real_kit: Kit, engine: DockerEngine, job: Path, made: list[str]
) -> None:
    make(engine, job, made, DEAD)
    shutil.rmtree(job)
    assert "its job is gone" in real_kit.run("reap").stdout
    assert there(engine, job) == set()


def test_every_start_of_a_run_clears_up_after_the_dead(
    real_kit: Kit, engine: DockerEngine, job: Path, made: list[str]
) -> None:
    make(engine, job, made, DEAD)
    other = real_kit.job("other")
    assert real_kit.run("50_probe", other).returncode == 0
    assert there(engine, job) == set()


def test_a_container_that_can_be_gone_on_with_stays(
    real_kit: Kit, engine: DockerEngine, job: Path
) -> None:
    real_kit.code("50_probe", program("while not Path('/job/input/go').exists(): time.sleep(0.05)"))
    with started(real_kit, "50_probe", job, "--dev") as runner:
        wait_until(lambda: len(there(engine, job)) == 1, "its container")
        living = real_kit.run("reap", job)
        assert "no dead runner" in living.stdout, living.stderr
        wait_until(lambda: any("started" in p.read_text() for p in job.rglob("journal.jsonl")), "")
        runner.kill()
        runner.wait(timeout=20)
    reaped = real_kit.run("reap", job)
    assert "go on with it: stagerun 50_probe" in " ".join(reaped.stdout.split()), reaped.stderr
    assert len(there(engine, job)) == 1
    (job / "input/go").touch()
    assert real_kit.run("50_probe", job, "--dev").returncode == 0


def test_a_run_without_a_container_is_closed_as_lost(
    real_kit: Kit, engine: DockerEngine, job: Path
) -> None:
    real_kit.code("50_probe", program("time.sleep(60)"))
    with started(real_kit, "50_probe", job, "--dev") as runner:
        wait_until(lambda: any("started" in p.read_text() for p in job.rglob("journal.jsonl")), "")
        runner.kill()
        runner.wait(timeout=20)
    for container in engine.containers({f"{LABEL}job": str(job)}):
        container.remove()
    reaped = real_kit.run("reap")
    assert reaped.returncode == 10, reaped.stderr
    assert "closed as lost" in reaped.stdout
    assert real_kit.run("reap").returncode == 0
