"""The error tree: what the shell is told, and that its drawing is the truth."""

import inspect
import re
import signal
from collections.abc import Iterator

import pytest

from runner import errors
from runner.errors import EXIT_CODES, GOOD, SIGNAL_EXIT_CODES, StagerunError, Verdict

TABLE = {
    "success cached skipped": 0,
    "stage_failed": 1,
    "contract_violation": 3,
    "input_missing": 4,
    "engine_unavailable image_missing image_mismatch model_missing": 5,
    "gpu_unavailable gpu_lost gpu_mismatch": 6,
    "oom_memory oom_gpu": 7,
    "timeout": 8,
    "disk_full": 9,
    "runner_lost": 10,
    "busy not_admitted": 11,
    "cancelled": 130,
}
ROWS = [(name, code) for names, code in TABLE.items() for name in names.split()]


def classes() -> list[type[StagerunError]]:
    found = (item for _, item in inspect.getmembers(errors, inspect.isclass))
    return [item for item in found if issubclass(item, StagerunError)]


def drawn() -> Iterator[tuple[str, str | None]]:
    """Class and base of each line of the tree in the module's docstring."""
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"([│├└─ ]*)(\w+Error)\b", line):
            depth = len(match[1]) // 4
            above = [*above[:depth], match[2]]
            yield match[2], above[depth - 1] if depth else None


def test_the_drawing_shows_every_class_below_its_base() -> None:
    real = {
        item.__name__: None if item is StagerunError else item.__bases__[0].__name__
        for item in classes()
    }
    assert dict(drawn()) == real


def test_the_exit_codes_in_the_drawing_are_those_of_the_classes() -> None:
    lines = re.findall(r"(\w+Error) +(\d+)\b", errors.__doc__ or "")
    shown = {name: int(code) for name, code in lines}
    assert shown
    assert {name: getattr(errors, name).exit_code for name in shown} == shown


@pytest.mark.parametrize("error", classes(), ids=lambda item: item.__name__)
def test_every_error_says_in_its_docstring_what_it_means(error: type[StagerunError]) -> None:
    assert error.__doc__
    assert error.__doc__.strip().endswith((".", ")."))


@pytest.mark.parametrize(("name", "code"), ROWS)
def test_every_verdict_has_the_exit_code_of_the_table(name: str, code: int) -> None:
    assert EXIT_CODES[Verdict(name)] == code


def test_no_verdict_is_without_an_exit_code() -> None:
    assert set(EXIT_CODES) == set(Verdict)
    assert {Verdict(name) for name, _ in ROWS} == set(Verdict)


@pytest.mark.parametrize("error", classes(), ids=lambda item: item.__name__)
def test_an_error_and_its_verdict_lead_to_the_same_exit_code(error: type[StagerunError]) -> None:
    if error.verdict is not None:
        assert EXIT_CODES[error.verdict] == error.exit_code


def test_only_verdicts_that_consumers_may_build_on_are_good() -> None:
    assert {verdict for verdict in Verdict if verdict.good} == GOOD
    assert {verdict for verdict in Verdict if EXIT_CODES[verdict] == 0} == GOOD


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_in_the_exit_code_that_shells_give_it(name: str) -> None:
    assert SIGNAL_EXIT_CODES[name] == 128 + signal.Signals[name]
