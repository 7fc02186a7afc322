"""Work in several processes at once, for engines that hold Python's interpreter lock."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Callable, Generator, Sequence, Tuple, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkerKilledError(Exception):
    """A process was killed from outside, most likely because memory ran out."""


def map_in_processes(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    processes: int,
    start: Callable[..., None],
    arguments: Tuple[Any, ...],
) -> Generator[Result, None, None]:
    """What ``work`` makes of each item, in order and as soon as it is known.

    Each process first calls ``start`` with ``arguments``. Raises WorkerKilledError.
    """
    pool = ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("fork"),
        initializer=start,
        initargs=arguments,
    )
    try:
        yield from pool.map(work, items)
    except BrokenProcessPool as error:
        message = "A process was killed, most likely because the memory limit is too low."
        raise WorkerKilledError(message) from error
    except BaseException:  # a TERM arrives as SystemExit; waiting for a long item is no answer
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
