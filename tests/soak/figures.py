"""The figures of a soak: sums over all cycles, and the line that says them."""

from dataclasses import dataclass

from tests.soak.cycle import Result
from tests.soak.violation import KINDS


@dataclass(kw_only=True)
class Figures(Result):
    """What was done and found in all cycles; ``known`` counts the named steps that there are."""

    seed: int
    seconds: float = 0.0
    cycles: int = 0
    known: int = 0
    crowd: str = ""
    engine_kills: str = ""

    def add(self, result: Result) -> None:
        """Count one cycle."""
        self.cycles += 1
        self.kills += result.kills
        self.stops += result.stops
        self.container_kills += result.container_kills
        self.readoptions += result.readoptions
        self.steps |= result.steps
        self.violations += result.violations

    def found(self, kind: str) -> int:
        """How many violations of a kind there were."""
        return sum(violation.kind == kind for violation in self.violations)

    @property
    def line(self) -> str:
        """All of it in one line."""
        wrong = ", ".join(f"{self.found(kind)} {text}" for kind, text in KINDS.items())
        return (
            f"{self.kills} kills of the runner at {len(self.steps)} of {self.known} named steps and"
            f" at random times, {self.stops} stops, {self.container_kills} kills of the container,"
            f" {self.readoptions} re-adoptions: {wrong}; {self.cycles} jobs in"
            f" {self.seconds:.0f} s, seed {self.seed}"
        )
