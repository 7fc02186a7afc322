"""Several observers as one, and one that hears of several jobs."""

from dataclasses import replace

from runner.events import (
    AttemptFailed,
    Event,
    JobStarted,
    LogLine,
    Notice,
    Observer,
    Progress,
    Resources,
    RunStarted,
    StageFinished,
    StageWaiting,
)


def together(*observers: Observer) -> Observer:
    """An observer that tells all of these, in this order."""

    def tell(event: Event) -> None:
        for observer in observers:
            observer(event)

    return tell


def labelled(observer: Observer, label: str) -> Observer:
    """An observer that hears of a job's stages as ``label/stage``, as they must be told apart."""

    def tell(event: Event) -> None:
        match event:
            case JobStarted():
                stages = tuple(f"{label}/{stage}" for stage in event.stages)
                observer(replace(event, stages=stages))
            case (
                StageWaiting() | RunStarted() | LogLine() | Progress() | Resources()
                | AttemptFailed() | StageFinished()
            ):  # fmt: skip
                observer(replace(event, stage=f"{label}/{event.stage}"))
            case Notice(stage=str(stage)):
                observer(replace(event, stage=f"{label}/{stage}"))
            case _:
                observer(event)

    return tell
