"""The decision whether there is another attempt, and with what."""

from collections.abc import Mapping
from typing import Any

import pytest

from runner.errors import Verdict
from runner.project.config import Value
from runner.project.retry import Change, RetryRule
from runner.project.stage import Key, Resources
from runner.run.retry import Attempt, Changed, Next, Tried, next_attempt

GIB = 1 << 30
MORE = (Change(name="memory", by=2.0),)


def rule(*on: Verdict, attempts: int = 3, **more: Any) -> RetryRule:
    return RetryRule(on=frozenset(on or (Verdict.OOM_MEMORY,)), attempts=attempts, **more)


def key(kind: str = "int", limits: tuple[float, float] | None = None) -> Key:
    return Key(name="BATCH", type=kind, default=None, help="", of=None, range=limits)


def tried(
    config: Mapping[str, str | None] | None = None, run_id: str = "run-1", **limits: Any
) -> Tried:
    return Tried(
        run_id=run_id,
        variant="cuda",
        config={
            name: Value(value=text, source="job.yaml") for name, text in (config or {}).items()
        },
        limits=Resources(**{"memory": GIB, **limits}),
    )


def decide(
    *rules: RetryRule,
    cause: Verdict = Verdict.OOM_MEMORY,
    attempt: Attempt | None = None,
    had: Tried | None = None,
    keys: Mapping[str, Key] | None = None,
    most_memory: int | None = None,
) -> Next | None:
    return next_attempt(
        cause,
        attempt or Attempt(),
        rules,
        tried=had,
        keys=keys or {"BATCH": key()},
        most_memory=most_memory,
    )


def test_a_cause_that_no_rule_names_is_left_at_that() -> None:
    assert decide(rule(Verdict.TIMEOUT), had=tried()) is None
    assert decide(had=tried()) is None


def test_the_next_attempt_knows_its_number_the_cause_and_the_run_before() -> None:
    found = decide(rule(), had=tried())
    assert found is not None
    assert found.attempt == Attempt(number=2, of=3, because=Verdict.OOM_MEMORY, after="run-1")


def test_there_are_as_many_attempts_as_the_rule_allows() -> None:
    assert decide(rule(attempts=3), attempt=Attempt(number=2), had=tried()) is not None
    assert decide(rule(attempts=3), attempt=Attempt(number=3), had=tried()) is None


def test_attempts_are_counted_over_all_causes() -> None:
    rules = rule(Verdict.TIMEOUT), rule(Verdict.OOM_MEMORY)
    after_timeout = decide(*rules, cause=Verdict.TIMEOUT, had=tried())
    assert after_timeout is not None
    second = decide(*rules, attempt=after_timeout.attempt, had=tried())
    assert second is not None
    assert second.attempt.number == 3
    assert decide(*rules, attempt=second.attempt, had=tried()) is None


def test_the_pause_grows_with_the_attempts() -> None:
    waiting = rule(attempts=9, wait=1.0, wait_up_to=5.0)
    pauses = [
        found.pause_seconds
        for number in range(1, 6)
        if (found := decide(waiting, attempt=Attempt(number=number), had=tried()))
    ]
    assert pauses == [1, 2, 4, 5, 5]


def test_a_limit_is_multiplied_and_both_values_told() -> None:
    found = decide(rule(changes=MORE), had=tried())
    assert found is not None
    assert found.attempt.limits == Resources(memory=2 * GIB)
    assert found.attempt.changes == (Changed(name="memory", asked="1 GiB", used="2 GiB"),)
    assert found.attempt.variant == "cuda"


def test_changes_add_up_and_are_told_from_what_was_asked() -> None:
    first = decide(rule(changes=MORE), had=tried())
    assert first is not None
    second = decide(rule(changes=MORE), attempt=first.attempt, had=tried(memory=2 * GIB))
    assert second is not None
    assert second.attempt.limits == Resources(memory=4 * GIB)
    assert second.attempt.changes == (Changed(name="memory", asked="1 GiB", used="4 GiB"),)


def test_a_change_for_one_cause_stays_through_an_attempt_for_another() -> None:
    first = decide(rule(changes=MORE), had=tried())
    assert first is not None
    slow = rule(Verdict.TIMEOUT, changes=(Change(name="timeout", by=2.0),))
    second = decide(
        slow, cause=Verdict.TIMEOUT, attempt=first.attempt, had=tried(memory=2 * GIB, timeout=60.0)
    )
    assert second is not None
    assert second.attempt.limits == Resources(memory=2 * GIB, timeout=120.0)
    assert [str(item) for item in second.attempt.changes] == [
        "memory 2 GiB instead of 1 GiB",
        "timeout 2:00 instead of 1:00",
    ]


def test_a_factor_stops_at_its_bound_and_nothing_left_to_change_is_the_end() -> None:
    bounded = rule(attempts=9, changes=(Change(name="memory", by=2.0, up_to=3.0 * GIB),))
    found = decide(bounded, had=tried(memory=2 * GIB))
    assert found is not None
    assert found.attempt.limits.memory == 3 * GIB
    assert decide(bounded, had=tried(memory=3 * GIB)) is None


def test_a_bound_below_the_present_value_does_not_lower_it() -> None:
    bounded = rule(changes=(Change(name="memory", by=2.0, up_to=float(GIB)),))
    assert decide(bounded, had=tried(memory=2 * GIB)) is None


def test_memory_is_not_raised_beyond_that_of_the_machine() -> None:
    found = decide(rule(changes=MORE), had=tried(), most_memory=GIB + 1)
    assert found is not None
    assert found.attempt.limits.memory == GIB + 1
    assert decide(rule(changes=MORE), had=tried(), most_memory=GIB) is None


def test_a_limit_that_is_not_set_cannot_be_multiplied_but_be_given() -> None:
    assert decide(rule(changes=(Change(name="gpu_memory", by=2.0),)), had=tried()) is None
    found = decide(rule(changes=(Change(name="gpu_memory", to="2GiB"),)), had=tried())
    assert found is not None
    assert found.attempt.limits.gpu_memory == 2 * GIB
    assert found.attempt.changes[0].asked == "not set"


def test_one_change_that_is_left_is_enough() -> None:
    both = rule(changes=(*MORE, Change(name="BATCH", by=0.5)))
    found = decide(both, had=tried({"BATCH": "1"}))
    assert found is not None
    assert found.attempt.config == {}
    assert found.attempt.limits.memory == 2 * GIB


@pytest.mark.parametrize(
    ("by", "old", "limits", "new"),
    [
        (0.5, "16", None, "8"),
        (0.5, "5", None, "2"),
        (0.5, "1", None, None),
        (0.5, "3", (2, 64), "2"),
        (0.5, "2", (2, 64), None),
        (2.0, "40", (1, 64), "64"),
        (1.5, "1", None, "2"),
        (0.5, "0", None, None),
        (0.5, "-4", None, "-2"),
        (0.5, None, None, None),
    ],
)
def test_a_whole_number_stays_one_within_its_range_and_above_nothing(
    by: float, old: str | None, limits: tuple[float, float] | None, new: str | None
) -> None:
    found = decide(
        rule(changes=(Change(name="BATCH", by=by),)),
        had=tried({"BATCH": old}),
        keys={"BATCH": key("int", limits)},
    )
    assert (found.attempt.config.get("BATCH") if found else None) == new


def test_a_number_with_a_fraction_may_become_any() -> None:
    half = rule(changes=(Change(name="BATCH", by=0.5, down_to=0.2),))
    keys = {"BATCH": key("float", (0, 1))}
    found = decide(half, had=tried({"BATCH": "0.5"}), keys=keys)
    assert found is not None
    assert found.attempt.config == {"BATCH": "0.25"}
    found = decide(half, had=tried({"BATCH": "0.25"}), keys=keys)
    assert found is not None
    assert found.attempt.config == {"BATCH": "0.2"}
    assert decide(half, had=tried({"BATCH": "0.2"}), keys=keys) is None


def test_rules_for_one_cause_are_a_ladder() -> None:
    ladder = (
        rule(attempts=9, changes=(Change(name="BATCH", by=0.5),)),
        rule(attempts=9, changes=(Change(name="KIND", to="int8"),)),
    )
    keys = {"BATCH": key(), "KIND": key("str")}
    found = decide(*ladder, had=tried({"BATCH": "2", "KIND": "auto"}), keys=keys)
    assert found is not None
    assert found.attempt.config == {"BATCH": "1"}
    found = decide(
        *ladder, attempt=found.attempt, had=tried({"BATCH": "1", "KIND": "auto"}), keys=keys
    )
    assert found is not None
    assert found.attempt.config == {"BATCH": "1", "KIND": "int8"}
    had = tried({"BATCH": "1", "KIND": "int8"})
    assert decide(*ladder, attempt=found.attempt, had=had, keys=keys) is None


def test_where_nothing_ran_nothing_is_changed() -> None:
    found = decide(rule(Verdict.DISK_FULL, changes=MORE), cause=Verdict.DISK_FULL, had=None)
    assert found is not None
    assert found.attempt == Attempt(number=2, of=3, because=Verdict.DISK_FULL)
