"""Several observers as one."""

from runner.events import Event, Observer


def together(*observers: Observer) -> Observer:
    """An observer that tells all of these, in this order."""

    def tell(event: Event) -> None:
        for observer in observers:
            observer(event)

    return tell
