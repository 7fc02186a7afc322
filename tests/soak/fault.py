"""A fault that a runner shall have: the signal it gets, and at which of its steps."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """``SIGKILL`` or ``SIGSTOP`` at the nth time that a runner comes to a step."""

    step: str
    nth: int = 1
    signal: str = "SIGKILL"

    def __str__(self) -> str:
        return f"({self.signal} {self.step}, time {self.nth})"
