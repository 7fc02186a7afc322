"""Why a run gets no GPU, in the words in which people are told."""

from typing import Final

from runner.gpu.account import Account
from runner.gpu.box import Look
from runner.gpu.placement import Obstacle, Placement, Wish
from runner.host.gpu import Absence, Inventory
from runner.project.quantity import limit_text

SHOWN: Final = 3
"""Runs that are named; the others are counted."""

SHOW: Final = "`stagerun gpus` shows who has what"


def refusal(wish: Wish, placement: Placement, look: Look) -> str:
    """What happened, why, and what to do next."""
    if not look.inventory.gpus:
        return without_gpus(look.inventory)
    return f"{_sentence(why_not(wish, placement, look))} {_remedy(wish, placement, look)}; {SHOW}."


def _remedy(wish: Wish, placement: Placement, look: Look) -> str:
    # What nobody has set cannot be lowered.
    is_set = wish.memory is not None
    if placement.is_possible(wish.count):
        return f"Wait for it (--wait), or {'lower' if is_set else 'set'} gpu_memory"
    if look.missing:
        return "Wait until it answers again, or lower what is asked for"
    if is_set:
        return "Lower gpu_memory or gpus, or use a machine with larger GPUs"
    return "Lower gpus, or use a machine with more GPUs"


def without_gpus(found: Inventory) -> str:
    """The same for a machine, or an engine, that has none to give."""
    reason = found.detail or "the machine offers no GPU"
    remedy = "Install or load the NVIDIA driver, or use a machine that has a GPU"
    if found.absence is Absence.ENGINE:
        remedy = "Use Docker (unset DOCKER_HOST), or a newer Podman"
    return (
        "The stage requires a GPU, and this machine cannot grant one. "
        f"{_sentence(reason)} {remedy}; `stagerun doctor` shows what the machine offers."
    )


def why_not(wish: Wish, placement: Placement, look: Look) -> str:
    """The reason as a clause, with what each GPU has."""
    offers = [_offer(obstacle.account, obstacle) for obstacle in placement.obstacles]
    offers += look.missing
    if placement.is_possible(wish.count):
        head = _not_free(wish, placement)
    elif look.missing and not placement.obstacles:
        head = "no GPU can be used at present"
    else:
        which = "no other GPU here" if look.missing else "no GPU here"
        head = f"{which} is as large as {_asked(wish, placement)}"
        if wish.count > 1:
            head = f"this machine does not have {_asked(wish, placement)}"
    return f"{head}: {'; '.join(offers) or 'none may be used'}"


def waiting_reason(wish: Wish, placement: Placement, look: Look) -> str:
    """What a run waits for, and behind whom."""
    names = [entry.name for entry in placement.behind]
    missing = ", ".join(look.missing)
    others = f", of which {missing}" if missing else ", which other programs hold"
    if not look.inventory.gpus:
        others = f": {look.inventory.detail or 'the driver does not answer'}"
    behind = f", behind {', '.join(names[:SHOWN])}" if names else others
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"waiting for {_asked(wish, placement)}{behind}{more}"


def _not_free(wish: Wish, placement: Placement) -> str:
    asked = _bytes(wish, placement)
    if asked is None:
        if wish.count > 1:
            return f"{_asked(wish, placement)} are not free"
        return f"no GPU is free of others{_margin(wish, placement)}"
    whom = "no GPU has" if wish.count == 1 else f"there are not {wish.count} GPUs that have"
    return f"{whom} {limit_text(asked)} free"


def _bytes(wish: Wish, placement: Placement) -> int | None:
    """The most that is asked of a GPU; None where each is asked for as a whole."""
    if wish.memory is not None:
        return None if wish.memory == "all" else wish.memory
    sizes = [it.asked_bytes for it in placement.obstacles if it.asked_bytes is not None]
    return max(sizes if placement.obstacles else wish.learnt.values(), default=None)


def _margin(wish: Wish, placement: Placement) -> str:
    """Why GPUs are asked for as a whole for what was learnt; empty where they are not."""
    there = [it.account for it in placement.obstacles if wish.is_too_much_for(it.account)]
    if not there:
        return ""
    learnt = max(wish.learnt[account.gpu.name] for account in there)
    return f" ({limit_text(learnt)} were learnt, which is all that a GPU here has, or more)"


def _asked(wish: Wish, placement: Placement) -> str:
    number = "" if wish.count == 1 else f" on each of {wish.count} GPUs"
    if wish.memory == "all":
        return "a whole GPU" if wish.count == 1 else f"{wish.count} whole GPUs"
    if (asked := _bytes(wish, placement)) is not None:
        learnt = " (learnt)" if wish.memory is None else ""
        return f"{limit_text(asked)} of GPU memory{learnt}{number}"
    margin = _margin(wish, placement)
    if wish.count == 1:
        return f"a GPU without other {'programs' if margin else 'runs'}{margin}"
    return f"{wish.count} GPUs without others{margin}"


def _offer(account: Account, obstacle: Obstacle) -> str:
    gpu = account.gpu
    if account.free_bytes is None or gpu.memory_total_bytes is None:
        return f"GPU {gpu.index} ({gpu.name}) does not tell its memory"
    free = limit_text(account.free_bytes) if account.free_bytes else "nothing"
    text = f"GPU {gpu.index} ({gpu.name}) has {free} of {limit_text(gpu.memory_total_bytes)}"
    holders = [entry.name for entry in account.entries]
    if holders:
        text += f", beside {', '.join(holders[:SHOWN])}"
    claims = [entry.name for entry in obstacle.behind if entry not in account.entries]
    return f"{text}, after {', '.join(claims[:SHOWN])}" if claims else text


def _sentence(clause: str) -> str:
    return f"{clause[0].upper()}{clause[1:]}."
