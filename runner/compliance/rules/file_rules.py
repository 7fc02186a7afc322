"""What a stage reads and writes: its inputs and outputs are told, and nothing else is touched."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from runner.compliance.finding import Spot
from runner.compliance.place import TEMPORARY, TEMPORARY_MAKERS, Kind, Place
from runner.compliance.subject import StageFile

SCRATCH: Final = ".cache"
OUTPUT_TRACKERS: Final = ("track_output", "track_intermediate")
MACHINE: Final = re.compile(r"/(bin|data|etc|home|lib|media|mnt|opt|proc|run|srv|sys|usr|var)/")
COMPARING: Final = frozenset({"startswith", "removeprefix", "replace", "is_relative_to"})
IN_MEMORY: Final = re.compile(rf"({'|'.join(TEMPORARY)})(/\S*)?")
NOT_OURS: Final = frozenset({Kind.JOB, Kind.INPUT, Kind.ABSOLUTE, Kind.CODE, Kind.RELATIVE})


def find_untracked_inputs(file: StageFile) -> Iterator[Spot]:
    """Files of the job that are read and stand in no manifest."""
    if file.tracks_unknown("track_input"):
        return
    tracked = file.tracked("track_input")
    for use, place in file.uses:
        if use.writes or place.is_tracked or place.kind not in {Kind.JOB, Kind.INPUT}:
            continue
        if not any(known.covers(place) for known in tracked):
            yield Spot.of(use.spot, f"{place.shown} is read and not tracked: io.track_input()")


def find_unused_inputs(file: StageFile) -> Iterator[Spot]:
    """Paths of inputs that are asked for and never tracked."""
    if file.tracks_unknown("track_input"):
        return
    tracked = file.tracked("track_input")
    read = {id(use.path) for use, _ in file.uses}
    for call in file.io_calls("get_input_path"):
        place = file.places.of(call)
        is_known = place is None or any(known.covers(place) for known in tracked)
        if not is_known and place is not None and id(call) not in read:
            yield Spot.of(call, f"{place.shown} is not tracked: io.track_input()")


def find_untracked_outputs(file: StageFile) -> Iterator[Spot]:
    """Files that are left in the stage's folder and stand in no manifest."""
    if file.tracks_unknown(*OUTPUT_TRACKERS):
        return
    known = Known([*file.tracked(*OUTPUT_TRACKERS), *file.gone])
    for use, place in file.uses:
        if not (use.writes and use.leaves) or place.is_tracked or place.kind is not Kind.STAGE:
            continue
        if place.parts[:1] != (SCRATCH,) and not known.covers(place):
            yield Spot.of(use.spot, f"{place.shown} is written and not tracked: io.track_output()")


@dataclass(frozen=True)
class Known:
    """Places, among which one is found quickly however many there are."""

    places: list[Place]

    def covers(self, place: Place) -> bool:
        """Whether one of them is this one, or a folder that it lies in."""
        return (place.kind, place.parts) in self._exact or any(
            item.covers(place) for item in self._loose
        )

    @cached_property
    def _exact(self) -> set[tuple[Kind, tuple[str, ...]]]:
        return {(place.kind, place.parts) for place in self.places}

    @cached_property
    def _loose(self) -> list[Place]:
        """Those with a part that may be anything, and folders: names without an ending."""
        distinct = {(place.kind, place.parts): place for place in self.places}
        return [
            place
            for place in distinct.values()
            if "*" in "".join(place.parts) or not place.parts or "." not in place.parts[-1]
        ]


def find_writes_elsewhere(file: StageFile) -> Iterator[Spot]:
    """Writes outside of the stage's folder, which is all that is writable in its container."""
    told: set[ast.expr] = set()
    for use, place in file.uses:
        is_ours = place.kind not in NOT_OURS or _is_harmless(use.call, place)
        if use.writes and not is_ours and use.spot not in told:
            # A call is told once, whatever the function does with the path.
            told.add(use.spot)
            text = f"writes to {place.shown}: only io.stage_dir is the stage's own"
            yield Spot.of(use.spot, text)
        elif use.writes and place.kind is Kind.OWN:
            yield Spot.of(use.spot, f"writes {place.shown}, which StageIO writes itself")


def find_temporary_files(file: StageFile) -> Iterator[Spot]:
    """Scratch files in memory, which is what /tmp is in a container."""
    scratch = "/tmp is memory in a container: scratch files belong below io.stage_dir / '.cache'"
    told: set[ast.AST] = set()
    for use, place in file.uses:
        # What lies in a folder of tempfile's is told where that is made.
        is_literal = f"/{'/'.join(place.parts)}".startswith(TEMPORARY)
        if place.kind is Kind.TEMPORARY and use.writes and is_literal:
            told |= {use.spot, *ast.walk(use.path)}
            yield Spot.of(use.spot, scratch)
    lines = {getattr(node, "lineno", None) for node in told}
    for call in file.code.calls:
        is_made = (file.code.dotted(call.func) or "") in TEMPORARY_MAKERS
        if is_made and file.places.of(call) == Place(Kind.TEMPORARY):
            yield Spot.of(call.func, f"{scratch}, as dir=")
    for node in file.code.nodes:
        match node:
            case ast.Constant(value=str(text)) if IN_MEMORY.fullmatch(text):
                if node.lineno not in lines and not _is_compared(file, node):
                    yield Spot.of(node, scratch)
            case _:
                pass


def _is_compared(file: StageFile, node: ast.AST) -> bool:
    """Whether a text is only looked for in another one."""
    match file.code.parents.get(node):
        case ast.Compare() | ast.Expr():
            return True
        case ast.Call(func=ast.Attribute(attr=method)):
            return method in COMPARING
        case _:
            return False


def find_absolute_paths(file: StageFile) -> Iterator[Spot]:
    """Paths of one machine."""
    written = {id(use.path) for use, _ in file.uses if use.writes}
    for node in file.code.nodes:
        match node:
            case ast.Call(func=home) if file.code.dotted(home) == "pathlib.Path.home":
                yield Spot.of(home, "the home folder of one machine: a container has none")
            case ast.Constant(value=str(text)) if MACHINE.match(text) and id(node) not in written:
                if not IN_MEMORY.fullmatch(text):
                    advice = "the job, models and secrets come from StageIO"
                    yield Spot.of(node, f"an absolute path: {advice}")
            case _:
                pass


def _is_harmless(call: ast.Call, place: Place) -> bool:
    """Whether nothing is changed: a device that keeps nothing, the job's own folder made."""
    is_made = isinstance(call.func, ast.Attribute) and call.func.attr == "mkdir"
    is_nothing = place.kind is Kind.ABSOLUTE and place.parts[:1] == ("dev",)
    return is_nothing or (is_made and place == Place(Kind.JOB))
