"""A prompt in a stage's container: it is as a run has it, and leaves nothing."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import InputMissingError, StageBusyError, Verdict
from runner.host.container import ContainerSpec
from runner.host.engine_fake import FakeContainer
from runner.job.folder import Job
from runner.job.lock import is_locked
from runner.run.left_containers import PROMPT, left_containers
from runner.run.prompt import Prompt, prompt
from runner.run.reaping import reap_containers
from runner.run.request import RunOptions
from tests.unit.run.conftest import IDENTITY, NEXT, PROBE, Place, copy_of, entry_of, fail, ran
from tests.unit.run.dead_runners import dies_in_the_middle


@contextlib.contextmanager
def opened(place: Place, job: Job, stage: str = PROBE, **options: object) -> Iterator[Prompt]:
    project = place.project
    with prompt(
        project.stages[stage],
        project,
        job,
        place.host,
        options=RunOptions(**options),  # type: ignore[arg-type]  # as the test names them
        emit=place.emit,
    ) as found:
        yield found


def spec_of(found: Prompt) -> ContainerSpec:
    assert isinstance(found.container, FakeContainer)
    return found.container.spec


def files(job: Job) -> dict[str, bytes]:
    return {
        str(path.relative_to(job.root)): path.read_bytes() if path.is_file() else b""
        for path in job.root.rglob("*")
        if "locks" not in path.parts
    }


def test_a_prompt_has_what_a_run_has_but_for_its_own_folder_and_program(
    place: Place, job: Job
) -> None:
    run = ran(place, job)
    with opened(place, job, dev=True) as found:
        spec = spec_of(found)
        mounts = {mount.target: mount for mount in spec.mounts}
        own = Path(mounts.pop(f"/job/{PROBE}").source)
        assert own.is_dir()
        assert list(own.iterdir()) == []
        assert own.is_relative_to(job.private / "runs")
        same = ("image", "user", "memory", "cpus", "pids", "tmp", "shm", "network", "gpus")
        assert [getattr(spec, name) for name in same] == [getattr(run, name) for name in same]
        assert spec.environment.keys() == run.environment.keys()
        assert {"/job", f"/app/{PROBE}", "/app/shared"} == set(mounts)
        assert all(mount.read_only for mount in mounts.values())
        assert spec.terminal
        assert "sh" in (spec.entrypoint or ())[0]
        document = json.loads((own.parent / "request.json").read_text())
        assert document["run_id"] == spec.environment["STAGERUN_RUN_ID"]
        assert document["inputs"]["text"][0]["path"] == "input/text.txt"
    assert found.program == f"run stagerun/{PROBE}:main"


def test_after_a_prompt_everything_is_as_before(place: Place, job: Job) -> None:
    assert place.run(job).verdict is Verdict.SUCCESS
    before = files(job)
    with opened(place, job) as found:
        own = next(mount for mount in spec_of(found).mounts if not mount.read_only)
        Path(own.source, "copy.txt").write_text("mine")
        assert is_locked(job, PROBE)
    assert files(job) == before
    assert entry_of(job)["good_is"] == "in place"
    assert copy_of(job) == "hello\n"
    assert place.engine.containers({}) == []
    assert place.run(job).verdict is Verdict.CACHED


def test_a_stage_that_never_ran_has_no_folder_after_a_prompt(place: Place, job: Job) -> None:
    with opened(place, job):
        assert job.stage_folder(PROBE).is_dir()
    assert not job.stage_folder(PROBE).exists()


def test_a_failed_attempt_and_the_result_before_it_stay(place: Place, job: Job) -> None:
    assert place.run(job).good
    place.programs[PROBE] = fail
    place.run(job, force=True)
    before = files(job)
    with opened(place, job):
        pass
    assert files(job) == before


def test_a_prompt_without_inputs_is_refused_and_leaves_nothing(place: Place, job: Job) -> None:
    before = files(job)
    with pytest.raises(InputMissingError), opened(place, job, NEXT):
        pass
    assert files(job) == before


def test_a_run_that_can_be_gone_on_with_comes_before_a_prompt(place: Place, job: Job) -> None:
    crashed = dies_in_the_middle(place, job)
    labels = {**place.engine.created[-1].spec.labels, "org.stagerun.job": str(crashed.root)}
    left = place.engine.created[-1]
    with place.engine.container(spec_with(left.spec, labels)) as container:
        container.start()
        with (
            pytest.raises(StageBusyError, match="its container is still there"),
            opened(place, crashed),
        ):
            pass


def spec_with(spec: ContainerSpec, labels: dict[str, str]) -> ContainerSpec:
    return replace(spec, labels=labels)


@pytest.fixture
def abandoned(place: Place, job: Job) -> FakeContainer:
    """The running container of a prompt whose runner was killed."""
    with opened(place, job) as found:
        spec = spec_of(found)
    left = FakeContainer(
        place.engine, spec, lambda process: int(bool(process.sleep_until_signal(9)))
    )
    left.start()
    place.engine.created.append(left)
    job.run_folder(spec.labels["org.stagerun.run"]).mkdir()
    return left


def test_a_run_removes_the_container_of_an_abandoned_prompt_first(
    place: Place, job: Job, abandoned: FakeContainer
) -> None:
    assert place.run(job).verdict is Verdict.SUCCESS
    assert abandoned.removed
    assert len(list(job.runs())) == 1


def test_an_abandoned_prompt_is_reaped_and_no_living_one(
    place: Place, abandoned: FakeContainer
) -> None:
    assert PROMPT in abandoned.spec.labels
    with opened(place, place.job("other")) as living:
        found = list(reap_containers(place.engine, IDENTITY))
        assert [item.what for item in found] == [f"container {abandoned.id}"]
        assert list(left_containers(place.engine)) == []
        assert place.engine.containers({}) == [living.container]
