"""The graph of a project as a list of edges: which stage reads what from where."""

from collections.abc import Iterator
from dataclasses import dataclass

from runner.project.pipeline import JOB_INPUT, Project
from runner.project.stage import Source


@dataclass(frozen=True, kw_only=True)
class Edge:
    """An input of a stage and one of its sources; the first of several has the rank 0."""

    source: Source
    stage: str
    input: str
    optional: bool
    rank: int

    @property
    def origin(self) -> str:
        """The stage that it comes from, or ``input/<name>``."""
        return str(self.source) if self.source.stage == JOB_INPUT else self.source.stage

    @property
    def is_needed(self) -> bool:
        """Whether the stage cannot do without it, or without another source in its place."""
        return not self.optional


def edges(project: Project) -> Iterator[Edge]:
    """Every edge, in the order of the stages; sources that the project lacks are left out."""
    for stage_id in project.order():
        for item in project.stages[stage_id].inputs:
            for rank, source in enumerate(item.sources):
                if source.stage == JOB_INPUT or source.stage in project.stages:
                    yield Edge(
                        source=source,
                        stage=stage_id,
                        input=item.name,
                        optional=item.optional,
                        rank=rank,
                    )
