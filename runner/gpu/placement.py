"""On which GPUs a run gets memory: a pure function of its wish, the accounts and who came before.

First come, first served, with backfill that is safe: one that came later may start before one that
waits only where that one will not wait longer for it. Each waiting entry claims GPUs of its own
choice. On those, a later run gets no more than what is left beside the claim when everything has
ended that was there before it; so however many small runs follow, the large one gets its turn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from runner.gpu.account import Account
from runner.gpu.reservation import Reservation, State
from runner.host.machine import ProcessIdentity

GpuMemory = int | Literal["all"]
NO_PEAKS: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a run asks for on each of ``count`` GPUs.

    ``memory`` is bytes, all of the GPU, or None for what was learnt: ``learnt`` by name of the GPU.
    Where nothing was, the run gets GPUs without any other run, and may take what is free there.
    What was learnt has a margin: a GPU that has less is asked for as a whole, and not refused.
    """

    count: int = 1
    memory: GpuMemory | None = None
    learnt: Mapping[str, int] = field(default_factory=lambda: NO_PEAKS)

    def bytes_on(self, account: Account) -> int | None:
        """How much of that GPU; None for all that there is."""
        if self.memory is not None:
            return None if self.memory == "all" else self.memory
        return None if self.is_too_much_for(account) else self.learnt.get(account.gpu.name)

    def is_alone_on(self, account: Account) -> bool:
        """Whether it wants that GPU without other programs that compute, too."""
        return self.memory == "all" or self.is_too_much_for(account)

    def is_too_much_for(self, account: Account) -> bool:
        """Whether more was learnt than that GPU has without other runs and programs."""
        learnt = self.learnt.get(account.gpu.name)
        if self.memory is not None or learnt is None:
            return False
        return account.lone_bytes is None or learnt > account.lone_bytes


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Why a run gets no memory of one GPU now; ``behind`` are the entries that are in its way.

    ``forever`` is whether that GPU is too small.
    """

    account: Account
    asked_bytes: int | None
    behind: tuple[Reservation, ...] = ()
    forever: bool = False


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The bytes that a run gets, by UUID; without any the obstacles say why, one for each GPU."""

    shares: Mapping[str, int]
    obstacles: tuple[Obstacle, ...] = ()

    @property
    def behind(self) -> tuple[Reservation, ...]:
        """Those whose end it waits for."""
        found = {entry.id: entry for item in self.obstacles for entry in item.behind}
        return tuple(found.values())

    def is_behind(self, process: ProcessIdentity) -> bool:
        """Whether a run of that process is in the way, which ends by itself."""
        alive = (State.WAITING, State.HELD)
        return any(it.owner == process and it.state in alive for it in self.behind)

    def is_possible(self, count: int) -> bool:
        """Whether there are GPUs that are large enough."""
        return bool(self.shares) or sum(not item.forever for item in self.obstacles) >= count


def place(wish: Wish, accounts: Mapping[str, Account], waiting: Sequence[Reservation]) -> Placement:
    """The GPUs with the most free memory that have enough of it; ``waiting`` came before."""
    fitting: dict[str, int] = {}
    obstacles = []
    for uuid, account in accounts.items():
        obstacle = _obstacle(wish, account, waiting)
        if obstacle is None:
            asked = wish.bytes_on(account)
            fitting[uuid] = (account.free_bytes or 0) if asked is None else asked
        else:
            obstacles.append(obstacle)
    if len(fitting) >= wish.count:
        order = sorted(fitting, key=lambda uuid: _preference(accounts[uuid]))
        return Placement(shares={uuid: fitting[uuid] for uuid in order[: wish.count]})
    return Placement(
        shares={},
        obstacles=(
            *obstacles,
            *(
                Obstacle(account=accounts[uuid], asked_bytes=wish.bytes_on(accounts[uuid]))
                for uuid in fitting
            ),
        ),
    )


def _preference(account: Account) -> tuple[int, int]:
    return -(account.free_bytes or 0), account.gpu.index


def _obstacle(wish: Wish, account: Account, waiting: Sequence[Reservation]) -> Obstacle | None:
    claims = tuple(entry for entry in waiting if account.gpu.uuid in entry.shares)
    asked = wish.bytes_on(account)
    if asked is None:
        return _not_alone(wish, account, claims)
    largest, room, free = account.largest_bytes, account.room_bytes, account.free_bytes
    if largest is None or room is None or free is None:
        # Memory of which the driver does not tell can be had as a whole only.
        return Obstacle(account=account, asked_bytes=asked, forever=True)
    forever = asked > largest
    if forever or asked > free:
        behind = () if forever else (*claims, *account.entries)
        return Obstacle(account=account, asked_bytes=asked, behind=behind, forever=forever)
    if claims and asked > _beside(account, claims, room):
        return Obstacle(account=account, asked_bytes=asked, behind=claims)
    return None


def _not_alone(wish: Wish, account: Account, claims: tuple[Reservation, ...]) -> Obstacle | None:
    """What is in the way of a run that wants a GPU without any other."""
    behind = (*claims, *(entry for entry in account.entries if not entry.is_lost))
    is_shared = wish.is_alone_on(account) and account.has_computing_strangers
    if behind or is_shared or account.free_bytes == 0:
        return Obstacle(account=account, asked_bytes=None, behind=behind)
    return None


def _beside(account: Account, claims: Sequence[Reservation], room: int) -> int:
    """What is left beside the claims when all has ended that was there before them."""
    if any(entry.whole for entry in claims):
        return 0
    uuid, first = account.gpu.uuid, min(entry.ticket for entry in claims)
    later = sum(entry.shares[uuid] for entry in account.entries if entry.ticket > first)
    return room - later - sum(entry.shares[uuid] for entry in claims)


def claim(
    wish: Wish, accounts: Mapping[str, Account], waiting: Sequence[Reservation]
) -> dict[str, int]:
    """The GPUs on which a run shall wait, with what it will have there: those least wanted.

    It waits for other runs, which end; for memory that others have, only where it must.
    """

    def load(account: Account) -> tuple[bool, int, int]:
        uuid = account.gpu.uuid
        wanted = sum(entry.shares[uuid] for entry in waiting if uuid in entry.shares)
        return not can_wait_on(wish, account), account.reserved_bytes + wanted, account.gpu.index

    possible = [
        account
        for account in accounts.values()
        if (found := _obstacle(wish, account, waiting)) is None or not found.forever
    ]
    chosen = sorted(possible, key=load)[: wish.count]
    return {
        account.gpu.uuid: asked if (asked := wish.bytes_on(account)) is not None
        else account.room_bytes or 0
        for account in chosen
    }  # fmt: skip


def can_wait_on(wish: Wish, account: Account) -> bool:
    """Whether the end of other runs will do for a run to get what it asks of a GPU."""
    kept = [entry for entry in account.entries if entry.state is State.KEPT]
    asked = wish.bytes_on(account)
    if asked is None:
        is_shared = wish.is_alone_on(account) and account.has_computing_strangers
        return all(entry.is_lost for entry in kept) and not is_shared
    left = sum(entry.shares[account.gpu.uuid] for entry in kept)
    return asked <= (account.room_bytes or 0) - left


def older_than(ticket: int, entries: Sequence[Reservation]) -> list[Reservation]:
    """Those that wait and came before."""
    return [entry for entry in entries if entry.state is State.WAITING and entry.ticket < ticket]
