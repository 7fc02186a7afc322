"""A fault that a runner shall have: the signal it gets, and at which of its steps."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """``SIGKILL`` or ``SIGSTOP`` at the nth time that a runner comes to a step.

    ``late`` are seconds from there, for a call to the engine that is under way.
    """

    step: str
    nth: int = 1
    signal: str = "SIGKILL"
    late: float = 0.0

    def __str__(self) -> str:
        return f"({self.signal} {self.step}, time {self.nth}, {self.late:.3f} s late)"
