"""What the rules look at: a file of a stage, and what is known around it."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from runner.compliance.code import Code
from runner.compliance.file_use import Use, command_uses, saver_uses, uses_of
from runner.compliance.finalizing import Flow
from runner.compliance.place import Kind, Place
from runner.compliance.places import Places
from runner.compliance.stage_objects import StageObjects
from runner.project.stage import StageSpec

COMMANDED: Final = frozenset({Kind.STAGE, Kind.TEMPORARY})
"""Of the paths that commands get, those that are hardly ever read only."""


@dataclass(frozen=True, kw_only=True)
class StageFile:
    """A file of Python; ``stage`` is None for one without a spec, ``modules`` its neighbours.

    ``installed`` are the names that the stage's image can import, None where it is not known.
    """

    code: Code
    stage: StageSpec | None = None
    modules: Mapping[str, Code] = field(default_factory=dict)
    installed: frozenset[str] | None = None

    @property
    def is_entry(self) -> bool:
        """Whether it is the stage's program rather than one of its modules."""
        if self.stage is not None:
            return self.code.path.name in self.stage.command.files
        return bool(self.objects.creations) or "run_stage" in self.code.functions

    @cached_property
    def objects(self) -> StageObjects:
        """The StageIO objects, loggers and configurations."""
        return StageObjects(self.code)

    @cached_property
    def flow(self) -> Flow:
        """The control flow."""
        others = (Flow(code, StageObjects(code)).finalizing for code in self.modules.values())
        return Flow(self.code, self.objects, frozenset().union(*others))

    @cached_property
    def places(self) -> Places:
        """The places of its paths."""
        return Places(self.code, self.objects, self.stage.id if self.stage else None)

    @cached_property
    def uses(self) -> tuple[tuple[Use, Place], ...]:
        """What it does to files whose place is known."""
        uses = [*uses_of(self.code), *self._own_uses()]
        found = [*self._placed(uses)]
        commands = self._placed(command_uses(self.code))
        found += [(use, place) for use, place in commands if place.kind in COMMANDED]
        saved = self._placed(saver_uses(self.code))
        found += [(use, place) for use, place in saved if place.kind is not Kind.RELATIVE]
        return tuple(found)

    def _placed(self, uses: Iterable[Use]) -> Iterator[tuple[Use, Place]]:
        """Uses with their places: one in a function that is called with several has all of them."""
        for use in uses:
            for place, call in self.places.ways(use.path):
                if place is not None:
                    yield (use if call is None else replace(use, seen_at=call)), place

    def _own_uses(self) -> Iterator[Use]:
        """What StageIO's own methods read and write without telling the manifest."""
        for call in self.io_calls("load_json"):
            yield Use(call, call, writes=False)
        for call in self.io_calls("save_json", "copy_to_base"):
            yield Use(call, call, writes=True)

    @cached_property
    def gone(self) -> list[Place]:
        """Places whose files are moved on or removed again."""
        return [place for use, place in self.uses if use.writes and not use.leaves and use.takes]

    def tracked(self, *methods: str) -> list[Place]:
        """The places that are handed to these methods of a StageIO."""
        return [place for place in self._given(*methods) if place is not None]

    def tracks_unknown(self, *methods: str) -> bool:
        """Whether one of these methods gets a path of which nothing is known."""
        return None in self._given(*methods)

    def _given(self, *methods: str) -> list[Place | None]:
        calls = [call for call in self.io_calls(*methods) if call.args]
        return [place for call in calls for place, _ in self.places.ways(call.args[0])]

    def io_calls(self, *methods: str) -> list[ast.Call]:
        """The calls of these methods of a StageIO."""
        return [call for call in self.code.calls if self.objects.is_io_call(call, *methods)]
