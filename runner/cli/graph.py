"""The project's graph drawn with characters, and as a flowchart for pages that show Mermaid."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from runner.project.edges import Edge, edges
from runner.project.pipeline import JOB_INPUT, Project


@dataclass(frozen=True, kw_only=True)
class Strokes:
    """The characters of a drawing: what stands at a line's end, what it reads, what passes by."""

    own: str
    needed: str
    optional: str
    passing: str
    across: str
    crossing: str


LINES: Final = Strokes(own="●", needed="◆", optional="◇", passing="│", across="─", crossing="┼")
LETTERS: Final = Strokes(own="O", needed="#", optional="?", passing="|", across="-", crossing="+")


@dataclass
class _Lanes:
    """The columns of a drawing; each belongs to somebody whose result is still to be read."""

    owners: list[str | None] = field(default_factory=list)

    def take(self, owner: str) -> int:
        """A column that is free."""
        if None in self.owners:
            column = self.owners.index(None)
            self.owners[column] = owner
            return column
        self.owners.append(owner)
        return len(self.owners) - 1

    def free(self, owner: str) -> None:
        """Give a column back when nobody reads further from its owner."""
        self.owners[self.owners.index(owner)] = None


def drawing(project: Project, *, strokes: Strokes = LINES) -> list[tuple[str, str]]:
    """A line for each stage and each file of the job, above what reads it: strokes and name.

    A line's own column goes down to the last stage that reads from it; the marks on the left of a
    stage stand in the columns of what it reads.
    """
    found = list(edges(project))
    last = {edge.origin: edge.stage for edge in found}
    lanes, lines = _Lanes(), []
    for name, reads in _in_order(project, found):
        column = lanes.take(name)
        lines.append((_line(lanes, column, reads, strokes), name))
        ended = [origin for origin in reads if last[origin] == name]
        for owner in (*ended, *([] if name in last else [name])):
            lanes.free(owner)
    width = max((len(text) for text, _ in lines), default=0)
    return [(text.ljust(width), name) for text, name in lines]


def _in_order(project: Project, found: Sequence[Edge]) -> Iterator[tuple[str, dict[str, bool]]]:
    """Every file and stage, with what it reads and whether it needs that."""
    seen = set()
    for stage_id in sorted(project.order(), key=project.stage_ids.index):
        reads: dict[str, bool] = {}
        for edge in found:
            if edge.stage == stage_id:
                reads[edge.origin] = reads.get(edge.origin, False) or edge.is_needed
        for origin in reads:
            if origin.startswith(f"{JOB_INPUT}/") and origin not in seen:
                seen.add(origin)
                yield origin, {}
        yield stage_id, reads


def _line(lanes: _Lanes, own: int, reads: dict[str, bool], strokes: Strokes) -> str:
    columns = [lanes.owners.index(origin) for origin in reads]
    left, right = min((*columns, own)), max((*columns, own))
    parts = []
    for column, owner in enumerate(lanes.owners):
        inside = left <= column <= right
        if column == own:
            mark = strokes.own
        elif owner in reads:
            mark = strokes.needed if reads[owner] else strokes.optional
        elif owner is None:
            mark = strokes.across if inside else " "
        else:
            mark = strokes.crossing if inside else strokes.passing
        parts.append(mark + (strokes.across if left <= column < right else " "))
    return "".join(parts).rstrip()


def mermaid(project: Project) -> list[str]:
    """The graph as a Mermaid flowchart; what a stage can do without is dotted."""
    found = list(edges(project))
    names = dict.fromkeys((*(edge.origin for edge in found), *project.order()))
    lines = ["flowchart LR"]
    lines += [f'  {_node(name)}["{name}"]' for name in names]
    for edge in found:
        arrow = "-.->" if edge.optional else "-->"
        label = "" if edge.source.stage == JOB_INPUT else f"|{edge.source.output}|"
        lines.append(f"  {_node(edge.origin)} {arrow}{label} {_node(edge.stage)}")
    return lines


def _node(name: str) -> str:
    """A name that Mermaid takes for a node: letters, digits and underlines."""
    return "n_" + "".join(sign if sign.isalnum() else "_" for sign in name)
