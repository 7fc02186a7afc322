"""A container that the engine would not remove goes with the next call on its stage."""

from runner.errors import EngineError, EngineUnavailableError, Verdict
from runner.job.folder import Job
from tests.unit.run.conftest import Place


def left(place: Place) -> int:
    return len(list(place.engine.our_containers()))


def test_a_container_that_could_not_be_removed_goes_with_a_call_that_finds_all_done(
    place: Place, job: Job
) -> None:
    place.engine.remove_error = EngineError("the engine is going away")
    assert place.run(job).verdict is Verdict.SUCCESS
    assert left(place) == 1
    place.engine.remove_error = None
    assert place.run(job).verdict is Verdict.CACHED
    assert left(place) == 0


def test_a_call_that_cannot_remove_it_either_says_so_and_the_next_one_does(
    place: Place, job: Job
) -> None:
    place.engine.remove_error = EngineError("the engine is going away")
    place.run(job)
    place.engine.remove_error = EngineUnavailableError("there is none")
    assert place.run(job).verdict is Verdict.ENGINE_UNAVAILABLE
    place.engine.remove_error = None
    place.run(job)
    assert left(place) == 0


def test_the_container_of_a_start_that_failed_goes_with_a_call_that_finds_all_done(
    place: Place, job: Job
) -> None:
    place.run(job)
    place.engine.start_error = place.engine.remove_error = EngineError("it is going away")
    assert not place.run(job, force=True).good
    assert left(place) == 1
    place.engine.start_error = place.engine.remove_error = None
    assert place.run(job).verdict is Verdict.CACHED
    assert left(place) == 0
