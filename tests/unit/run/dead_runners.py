"""Runners that die at a moment of the test's choice, and what they leave behind."""

import shutil
from dataclasses import asdict

from runner.events import Notice
from runner.host.engine_fake import FakeProcess
from runner.job.folder import Job, open_job
from runner.job.journal import INTENT, STARTED, Journal, journal_of
from tests.unit.run.conftest import IDENTITY, PROBE, Place, Program, copy

RUN = "20261121-0914-dead"


def snapshot(place: Place, job: Job, name: str = "crashed") -> Job:
    """The job as a runner would leave it that dies at this moment."""
    copy = place.kit.root / name / job.name
    shutil.copytree(job.root, copy, symlinks=True)
    return open_job(copy)


def dies_in_the_middle(place: Place, job: Job, program: Program = copy) -> Job:
    """A forced run whose runner dies while the container runs."""
    crashed: list[Job] = []

    def stage(process: FakeProcess) -> int:
        code = program(process)
        run_id = process.spec.environment["STAGERUN_RUN_ID"]
        while STARTED not in [step["step"] for step in journal_of(job, run_id).read()]:
            process.sleep_until_signal(0.01)
        crashed.append(snapshot(place, job))
        return code

    before = place.programs.get(PROBE, copy)
    place.programs[PROBE] = stage
    place.run(job, force=True)
    place.programs[PROBE] = before
    return crashed[0]


def begun(job: Job, machine: str = "machine") -> Journal:
    """A run by hand whose runner died right after it wrote its intent down."""
    job.run_folder(RUN).mkdir(parents=True)
    journal = journal_of(job, RUN)
    journal.write(
        INTENT,
        stage_id=PROBE,
        run_id=RUN,
        fingerprint="sha256:" + "0" * 64,
        image="sha256:" + "0" * 64,
        owner={**asdict(IDENTITY), "machine_id": machine},
    )
    return journal


def notices(place: Place) -> list[str]:
    return [event.message for event in place.events if isinstance(event, Notice)]
