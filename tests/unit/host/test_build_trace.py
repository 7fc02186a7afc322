"""BuildKit's trace messages, from the answer of a real engine, and what is made of them."""

import base64
import json

import pytest

from runner.host.build_trace import decode_trace
from runner.host.buildkit import BuildAnswer, BuildFailure, BuildRequest

COMMAND = r"echo one; printf 'two\rthree\n' >&2; exit 7"
PROBLEM = f"executor failed running [/bin/sh -c {COMMAND}]: exit code: 7"

# Recorded from Docker 20.10: a build whose second step prints two lines and fails.
LOADING = (
    "Cm8KR3NoYTI1Njo4ODhmZWM5OTQxNGFkMDk2YjcxYjI5MGM2MTBiYTkwODQ4NzZkZTI4YmVmOTdhZTc1ZDRiMWEwMTY2"
    "MjI5ZDZlGiRbaW50ZXJuYWxdIGxvYWQgcmVtb3RlIGJ1aWxkIGNvbnRleHQ="
)
FROM_CACHED = (
    "CpgBCkdzaGEyNTY6MDVmOTM0Yzc1MGE0YTY2ZjNhMGJiYjNmYTlkMGJmNGM1YWZiNGQ1ZTA0NGE2M2RlZjQ3YjZjY2I3"
    "ZmY4YmM1MxoxWzEvMl0gRlJPTSBkb2NrZXIuaW8vc3RhZ2VydW4vcGFyZW50LWJhc2U6Y3VycmVudCABKgsIyfeF2AYQ"
    "u8vXWTILCMn3hdgGEKDo2Fk="
)
RUN_STARTED = (
    "CtYBCkdzaGEyNTY6MWEzYWFhNWY1YzMwZDNlNTYwMjUxNDdiMjhkNWYzMjUxODZmNjg1Y2VlM2I0NTJhMzI5NDU5MTI2"
    "NmMxNjhkZBJHc2hhMjU2OjA1ZjkzNGM3NTBhNGE2NmYzYTBiYmIzZmE5ZDBiZjRjNWFmYjRkNWUwNDRhNjNkZWY0N2I2"
    "Y2NiN2ZmOGJjNTMaNVsyLzJdIFJVTiBlY2hvIG9uZTsgcHJpbnRmICd0d29ccnRocmVlXG4nID4mMjsgZXhpdCA3KgsI"
    "yfeF2AYQ8pucWg=="
)
LOG_ONE = (
    "Gl8KR3NoYTI1NjoxYTNhYWE1ZjVjMzBkM2U1NjAyNTE0N2IyOGQ1ZjMyNTE4NmY2ODVjZWUzYjQ1MmEzMjk0NTkxMjY2"
    "YzE2OGRkEgwIyfeF2AYQ0t+goAEYASIEb25lCg=="
)
LOG_TWO = (
    "GmUKR3NoYTI1NjoxYTNhYWE1ZjVjMzBkM2U1NjAyNTE0N2IyOGQ1ZjMyNTE4NmY2ODVjZWUzYjQ1MmEzMjk0NTkxMjY2"
    "YzE2OGRkEgwIyfeF2AYQ4KmnoAEYAiIKdHdvDXRocmVlCg=="
)
RUN_FAILED = (
    "CsQCCkdzaGEyNTY6MWEzYWFhNWY1YzMwZDNlNTYwMjUxNDdiMjhkNWYzMjUxODZmNjg1Y2VlM2I0NTJhMzI5NDU5MTI2"
    "NmMxNjhkZBJHc2hhMjU2OjA1ZjkzNGM3NTBhNGE2NmYzYTBiYmIzZmE5ZDBiZjRjNWFmYjRkNWUwNDRhNjNkZWY0N2I2"
    "Y2NiN2ZmOGJjNTMaNVsyLzJdIFJVTiBlY2hvIG9uZTsgcHJpbnRmICd0d29ccnRocmVlXG4nID4mMjsgZXhpdCA3KgsI"
    "yfeF2AYQ8pucWjIMCMn3hdgGEPjG+KcBOl5leGVjdXRvciBmYWlsZWQgcnVubmluZyBbL2Jpbi9zaCAtYyBlY2hvIG9u"
    "ZTsgcHJpbnRmICd0d29ccnRocmVlXG4nID4mMjsgZXhpdCA3XTogZXhpdCBjb2RlOiA3"
)
RECORDED = (LOADING, FROM_CACHED, RUN_STARTED, LOG_ONE, LOG_TWO, RUN_FAILED)


def answer(
    messages: list[dict[str, object]],
) -> tuple[list[tuple[str, str | None]], BuildFailure | None]:
    shown: list[tuple[str, str | None]] = []
    progress = BuildAnswer(lambda step, line: shown.append((step, line)))
    for message in messages:
        progress.take(message)
    return shown, progress.failure()


def test_a_step_is_read_with_name_state_and_error() -> None:
    (vertex,), logs = decode_trace(RUN_FAILED)
    assert logs == []
    assert vertex.name == f"[2/2] RUN {COMMAND}"
    assert (vertex.started, vertex.completed, vertex.cached) == (True, True, False)
    assert vertex.error == PROBLEM


def test_a_cached_step_is_known_as_such() -> None:
    (vertex,), _ = decode_trace(FROM_CACHED)
    assert vertex.cached


def test_output_is_read_with_the_step_that_printed_it() -> None:
    (vertex,), _ = decode_trace(RUN_STARTED)
    _, (log,) = decode_trace(LOG_ONE)
    assert (log.vertex, log.text) == (vertex.digest, b"one\n")


def test_steps_and_lines_are_shown_as_they_come() -> None:
    shown, failure = answer([{"id": "moby.buildkit.trace", "aux": aux} for aux in RECORDED])
    step = f"[2/2] RUN {COMMAND}"
    assert shown == [
        ("[1/2] FROM docker.io/stagerun/parent-base:current (unchanged)", None),
        (step, None),
        (step, "one"),
        (step, "three"),
    ]
    assert failure is None


def test_a_failure_carries_the_step_and_its_last_lines() -> None:
    messages: list[dict[str, object]] = [
        {"id": "moby.buildkit.trace", "aux": aux} for aux in RECORDED
    ]
    messages.append({"errorDetail": {"message": PROBLEM}, "error": PROBLEM})
    _, failure = answer(messages)
    assert failure == BuildFailure(
        problem=PROBLEM, step=f"[2/2] RUN {COMMAND}", last_lines=("one", "three")
    )


def test_podmans_plain_answer_gives_the_same() -> None:
    messages: list[dict[str, object]] = [
        {"stream": "STEP 1/2: FROM stagerun/parent-base:current\n"},
        {"stream": "[2/2] STEP 2/3: RUN false\n"},
        {"stream": "one\n"},
        {"stream": "two\n"},
        {"stream": 'STEP 3/3: LABEL "org.stagerun.kind"="parent"\n'},
        {"stream": "--> 84211504af1\n"},
        {"errorDetail": {"message": "exit status 1"}, "error": "exit status 1"},
    ]
    shown, failure = answer(messages)
    assert shown[0] == ("STEP 1/2: FROM stagerun/parent-base:current", None)
    assert shown[-1] == ("[2/2] STEP 2/3: RUN false", "two")
    assert failure == BuildFailure(
        problem="exit status 1", step="[2/2] STEP 2/3: RUN false", last_lines=("one", "two")
    )


def test_an_unfinished_last_line_is_not_lost() -> None:
    messages: list[dict[str, object]] = [
        {"id": "moby.buildkit.trace", "aux": aux} for aux in (RUN_STARTED, LOG_ONE)
    ]
    cut = base64.b64decode(LOG_TWO)[:-1]
    whole = bytes([cut[0], cut[1] - 1]) + cut[2:]
    shortened = whole.replace(b"\x22\x0atwo", b"\x22\x09two")
    messages.append({"id": "moby.buildkit.trace", "aux": base64.b64encode(shortened).decode()})
    messages.append({"error": "lost"})
    _, failure = answer(messages)
    assert failure is not None
    assert failure.last_lines == ("one", "three")


@pytest.mark.parametrize("broken", [b"\x0a\xff", b"\x0a\x05ab", b"\x0b", b"\x80"])
def test_a_broken_message_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match=r"message|wire type|longer"):
        decode_trace(base64.b64encode(broken).decode())


def test_a_request_states_what_the_engine_is_asked() -> None:
    asked = BuildRequest(
        image="stagerun/x:main", arguments={"PARENT": "p"}, network="host", use_cache=False
    ).parameters()
    assert (asked["version"], asked["t"]) == ("2", "stagerun/x:main")
    assert json.loads(asked["buildargs"]) == {"PARENT": "p"}
    assert (asked["networkmode"], asked["nocache"]) == ("host", "1")


def test_a_build_without_network_is_asked_for_in_the_engines_own_words() -> None:
    docker = BuildRequest(image="x", network="none").parameters()
    podman = BuildRequest(image="x", network="none", is_podman=True).parameters()
    assert docker["networkmode"] == "none"
    assert (podman["networkmode"], "nsoptions" in docker) == ("NetworkDisabled", False)
    assert podman["nsoptions"] == '[{"Name": "network", "Host": false}]'
