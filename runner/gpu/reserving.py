"""Getting memory of GPUs for a run: at once, in its turn, or not at all."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from runner.errors import CancelledError, GpuUnavailableError
from runner.gpu.account import Account, unlisted_bytes
from runner.gpu.box import GpuBox, Look
from runner.gpu.ledger import new_id, now
from runner.gpu.placement import Placement, Wish, can_wait_on, claim, older_than, place
from runner.gpu.refusal import refusal, waiting_reason
from runner.gpu.reservation import LONGEST, Reservation, State

LOOK_EVERY_SECONDS: Final = 0.25
# Those behind others in the line look less often, and only when something changed, but that often.
LOOK_ANYWAY_SECONDS: Final = 5.0
PLACES_PER_STEP: Final = 8


@dataclass(frozen=True, kw_only=True)
class Claimant:
    """Which run wants the memory; ``ticket`` is its turn, however often it asks."""

    stage: str
    job: str
    ticket: int = field(default_factory=now)

    def entry(self, box: GpuBox, **parts: Any) -> Reservation:
        """A new entry of the ledger that says whose it is."""
        return Reservation(
            id=new_id(box.ledger.me),
            owner=box.ledger.me,
            user=_printable(_user()),
            job=_printable(self.job),
            stage=_printable(self.stage),
            ticket=self.ticket,
            since=now(),
            **parts,
        )


@dataclass
class Held:
    """The entry of a run that has its memory; the run changes it as it goes on.

    ``names`` are the models of its GPUs. ``is_left`` is whether the engine failed to remove the
    container, which may run then, or be about to.
    """

    box: GpuBox
    entry: Reservation
    names: tuple[str, ...] = ()
    is_left: bool = False

    @property
    def container_lives(self) -> bool:
        """Whether the container was started and has not ended."""
        container = self.entry.container_id if self.entry.started else None
        return container is not None and self.box.ledger.container_lives(container)

    def note_container(self, run_id: str, container_id: str) -> None:
        """Let the reservation outlive this process if the container does. Call before it starts.

        Raises GpuUnavailableError.
        """
        self._change(replace(self.entry, run_id=run_id, container_id=container_id))

    def note_started(self) -> None:
        """Let its processes alone tell from now on whether the container lives.

        A run goes on for which that cannot be noted: it is needed only should this process die.
        """
        started = self.entry = replace(self.entry, started=True)
        with contextlib.suppress(GpuUnavailableError):
            self._change(started)

    def keep(self, shares: Mapping[str, int], holders: tuple[int, ...]) -> None:
        """Leave what did not come back on the ledger, when all else is given back."""
        kept = replace(self.entry, state=State.KEPT, shares=dict(shares), holders=holders)
        self._change(kept)

    def _change(self, entry: Reservation) -> None:
        with self.box.ledger.turn():
            self.box.ledger.write(entry)
        self.entry = entry

    def give_back(self) -> None:
        """Take the entry off the ledger, unless something was left on a GPU.

        A container that lives keeps what it has: an engine that went away cannot have ended it.
        """
        if self.entry.state is not State.HELD:
            return
        if self.is_left or self.container_lives:
            # Where that cannot be written, it counts until this process has ended at least.
            with contextlib.suppress(GpuUnavailableError):
                self._change(replace(self.entry, state=State.OUTLIVED))
        else:
            self.box.ledger.remove(self.entry.id)


@contextlib.contextmanager
def reserved(
    wish: Wish,
    claimant: Claimant,
    box: GpuBox,
    *,
    wait_seconds: float | None,
    stopped: Callable[[], str | None],
    waiting: Callable[[str], None],
) -> Iterator[Held]:
    """Memory of GPUs for the time of the block.

    It is waited for as long as allowed, and for another run of this process in any case, unless
    ``wait_seconds`` is None; ``waiting`` is told why, and again when that changes. ``stopped``
    names who wants it no more. Raises GpuUnavailableError, at once where no GPU is large enough,
    and CancelledError.
    """
    mine = claimant.entry(box, state=State.WAITING, shares={}, count=wish.count)
    deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
    try:
        held = _wait(wish, mine, box, deadline, stopped, waiting)
    except BaseException:
        box.ledger.remove(mine.id)
        raise
    try:
        yield held
    finally:
        held.give_back()


def _wait(
    wish: Wish,
    mine: Reservation,
    box: GpuBox,
    deadline: float | None,
    stopped: Callable[[], str | None],
    waiting: Callable[[str], None],
) -> Held:
    told = None
    while True:
        with box.turn() as look:
            placement = place(wish, look.accounts, older_than(mine.ticket, look.entries))
            if placement.shares:
                return _take(wish, mine, placement, look, box)
            ours = placement.is_behind(box.ledger.me)
            is_possible = placement.is_possible(wish.count) or look.is_passing
            if deadline is None or not is_possible or (time.monotonic() >= deadline and not ours):
                raise GpuUnavailableError(refusal(wish, placement, look))
            mine = _stand(wish, mine, look, box)
            seen, place_in_line = (
                box.ledger.changed_at(),
                len(older_than(mine.ticket, look.entries)),
            )
        if (reason := waiting_reason(wish, placement, look)) != told:
            waiting(reason)
            told = reason
        _pause(box, seen, place_in_line, deadline, stopped)


def _pause(
    box: GpuBox,
    seen: int | None,
    place_in_line: int,
    deadline: float,
    stopped: Callable[[], str | None],
) -> None:
    """Wait until a look may be worth its cost: many that wait would keep a machine busy."""
    began = time.monotonic()
    patience = LOOK_EVERY_SECONDS * (place_in_line // PLACES_PER_STEP)
    while True:
        if who := stopped():
            msg = f"not started: cancelled by {who} while waiting for a GPU"
            raise CancelledError(msg)
        time.sleep(LOOK_EVERY_SECONDS)
        now_is = time.monotonic()
        # What strangers have, and who died, does not show in the ledger: the first in line looks.
        if (
            place_in_line == 0
            or began + LOOK_ANYWAY_SECONDS <= now_is
            or began < deadline <= now_is
        ):
            return
        if now_is >= began + patience and box.ledger.changed_at() != seen:
            return


def _take(wish: Wish, mine: Reservation, placement: Placement, look: Look, box: GpuBox) -> Held:
    granted = [look.accounts[uuid] for uuid in placement.shares]
    gpus = [account.gpu for account in granted]
    entry = replace(
        mine,
        state=State.HELD,
        shares=dict(placement.shares),
        whole=any(wish.bytes_on(account) is None for account in granted),
        unlisted_bytes={gpu.uuid: unlisted_bytes(gpu) for gpu in gpus},
    )
    box.ledger.write(entry)
    return Held(box, entry, tuple(gpu.name for gpu in gpus))


def _stand(wish: Wish, mine: Reservation, look: Look, box: GpuBox) -> Reservation:
    """Stand in the line, with a claim that stays as long as its GPUs can be waited for."""
    there = [entry for entry in look.entries if entry.id == mine.id]
    claimed = [look.accounts.get(uuid) for uuid in mine.shares]
    is_complete = len(claimed) == wish.count
    if there and is_complete and all(it and _stays(wish, mine, it) for it in claimed):
        return mine
    claims = claim(wish, look.accounts, older_than(mine.ticket, look.entries))
    whole = any(wish.bytes_on(look.accounts[uuid]) is None for uuid in claims)
    standing = replace(mine, shares=claims, whole=whole)
    if not there or standing != mine:
        box.ledger.write(standing)
    return standing


def _stays(wish: Wish, mine: Reservation, account: Account) -> bool:
    """Whether a claim on a GPU is still what the run has to wait for."""
    has_grown = wish.bytes_on(account) is None and not mine.whole
    return not has_grown and can_wait_on(wish, account)


def taken_over(
    shares: Mapping[str, int], claimant: Claimant, run_id: str, container_id: str, box: GpuBox
) -> Held:
    """The reservation of a run whose runner died, for the one that goes on with its container.

    Raises GpuUnavailableError.
    """
    with box.turn() as look:
        old = next((item for item in look.entries if item.container_id == container_id), None)
        there = [gpu for gpu in look.inventory.gpus if gpu.uuid in shares]
        unlisted = {gpu.uuid: unlisted_bytes(gpu) for gpu in there}
        whose = replace(claimant, ticket=old.ticket) if old else claimant
        entry = whose.entry(
            box,
            state=State.HELD,
            shares=dict(shares),
            count=len(shares),
            whole=old is not None and old.whole,
            run_id=run_id,
            container_id=container_id,
            started=True,
            unlisted_bytes=old.unlisted_bytes if old else unlisted,
        )
        box.ledger.write(entry)
        if old is not None:
            box.ledger.remove(old.id)
    return Held(box, entry)


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"


def _printable(text: str) -> str:
    """A text as an entry may have it, whatever a folder is called."""
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown.encode("utf-8", "replace").decode()[:LONGEST]
