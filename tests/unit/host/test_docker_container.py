"""What a container makes of an engine that does not answer as it should."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
from docker import APIClient
from docker.errors import APIError
from requests import ConnectionError as Unreachable

from runner.host.docker_container import DockerContainer


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
