"""What a container makes of an engine that does not answer as it should, Podman among them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
from docker import APIClient
from docker.errors import APIError
from requests import ConnectionError as Unreachable

from runner.errors import EngineError
from runner.host.docker_container import DockerContainer
from runner.host.podman_container import PodmanContainer


@dataclass
class Events:
    """As much of the SDK's client as asking for events needs."""

    answer: list[dict[str, Any]] | Exception

    def events(self, **_: object) -> Iterator[dict[str, Any]]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return iter(self.answer)


def had_oom_event(answer: list[dict[str, Any]] | Exception) -> bool | None:
    client = cast("APIClient", Events(answer))
    return DockerContainer(client, "unix:///nowhere.sock", "id").had_oom_event()


def test_an_oom_event_is_seen_and_so_is_that_there_was_none() -> None:
    assert had_oom_event([{"Action": "oom"}]) is True
    assert had_oom_event([]) is False


@pytest.mark.parametrize("answer", [APIError("events are off"), Unreachable("gone")])
def test_an_engine_that_tells_no_events_leaves_the_question_open(answer: Exception) -> None:
    assert had_oom_event(answer) is None


@dataclass
class Podman:
    """As much of the SDK's client as waiting and looking need, as Podman answers."""

    answer: dict[str, Any]
    flag: bool = False

    def wait(self, _identifier: str, **_: object) -> dict[str, Any]:
        return self.answer

    def inspect_container(self, _identifier: str) -> dict[str, Any]:
        return {
            "State": {"Status": "exited", "OOMKilled": self.flag},
            "HostConfig": {},
            "Config": {},
        }


def on_podman(client: Podman) -> PodmanContainer:
    return PodmanContainer(cast("APIClient", client), "unix:///nowhere.sock", "id")


def test_podman_never_says_that_no_memory_was_short() -> None:
    quiet, loud = Podman({}), Podman({}, flag=True)
    assert on_podman(quiet).state().oom_killed is None
    assert on_podman(loud).state().oom_killed is True
    assert on_podman(quiet).had_oom_event() is None


def test_an_end_that_podman_tells_is_taken_as_told() -> None:
    assert on_podman(Podman({"StatusCode": 7, "Error": None})).wait() == 7


def test_a_container_that_podman_no_longer_knows_has_not_ended_well() -> None:
    gone = Podman({"StatusCode": 0, "Error": {"Message": "no such container"}})
    with pytest.raises(EngineError):
        on_podman(gone).wait()
