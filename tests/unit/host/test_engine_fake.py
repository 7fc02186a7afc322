"""The engine in memory keeps the promises on which everything above it is tested."""

from dataclasses import replace

import pytest

from runner.errors import EngineError, EngineUnavailableError, ImageMissingError
from runner.host.container import ContainerSpec
from runner.host.engine_fake import FakeEngine
from tests.small_container import SMALL


def spec_of(image: str) -> ContainerSpec:
    return replace(SMALL, image=image, labels={"a": "b"})


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def spec(engine: FakeEngine) -> ContainerSpec:
    return spec_of(engine.add("image", lambda _: 0).digest)


@pytest.mark.parametrize("problem", [EngineError("no"), ValueError("a mistake"), KeyboardInterrupt])
def test_a_container_is_removed_on_every_way_out(
    engine: FakeEngine, spec: ContainerSpec, problem: BaseException | type[BaseException]
) -> None:
    with pytest.raises((EngineError, ValueError, KeyboardInterrupt)), engine.container(spec):
        raise problem
    assert engine.containers({"a": "b"}) == []


def test_a_container_that_failed_to_start_is_there_until_it_is_removed(
    engine: FakeEngine, spec: ContainerSpec
) -> None:
    engine.start_error = EngineError("no")
    with engine.container(spec) as container:
        with pytest.raises(EngineError):
            container.start()
        assert engine.containers({"a": "b"}) == [container]
    assert engine.containers({"a": "b"}) == []


@pytest.mark.parametrize("lost", [True, False])
def test_a_removal_that_fails_hides_neither_the_result_nor_what_went_wrong(
    engine: FakeEngine, spec: ContainerSpec, lost: bool
) -> None:
    with engine.container(spec):
        engine.lost = lost
        engine.remove_error = EngineError("it is stuck")
    assert not engine.created[0].removed
    engine.lost = False
    mistake = ValueError("a mistake")
    with pytest.raises(ValueError, match="a mistake"), engine.container(spec):
        raise mistake


def test_an_image_that_is_not_there_is_an_error_of_ours(engine: FakeEngine) -> None:
    with pytest.raises(ImageMissingError), engine.container(spec_of("sha256:none")):
        pass


def test_an_engine_that_is_gone_answers_nothing(engine: FakeEngine, spec: ContainerSpec) -> None:
    engine.lost = True
    with pytest.raises(EngineUnavailableError):
        engine.image("image")
    with pytest.raises(EngineUnavailableError):
        engine.containers({})
    with pytest.raises(EngineUnavailableError), engine.container(spec):
        pass
