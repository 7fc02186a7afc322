"""Building the planned images: parents before what stands on them, two at a time."""

import contextlib
import graphlib
import queue
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from runner.errors import BuildError, DiskFullError, ImageMismatchError, StagerunError
from runner.events import BuildFinished, BuildProgress, BuildStarted, Event, Observer
from runner.host.base_image import DEBIAN, RELEASE, get_debian
from runner.host.build_cache import forget_contexts
from runner.host.build_context import ContextFile, context_tar
from runner.host.buildkit import BuildFailure, BuildRequest, send_build
from runner.host.engine import DockerEngine
from runner.host.images import BuildStep
from runner.host.pip_site import pip_files
from runner.host.recipe import PARENT, Recipe
from runner.host.recipes import Recipes
from runner.host.sent_builds import SentBuilds
from runner.host.site import Site, find_site
from runner.project.pipeline import Project

if TYPE_CHECKING:
    from runner.host.collection import Collection

AT_ONCE: Final = 2
"""Builds side by side: one waits for a mirror while the other unpacks."""

Accept = Callable[[Recipe], None]
"""Called for an image that was built; raises when it is not as it should be."""

REFUSAL: Final = "stagerun: "
"""How a build step begins the sentence by which it refuses what it was given."""


@dataclass(frozen=True, kw_only=True)
class BuiltImage:
    """An image that was built; size in bytes."""

    image: str
    digest: str
    size_bytes: int
    duration_seconds: float


def build(
    project: Project,
    engine: DockerEngine,
    steps: Sequence[BuildStep],
    emit: Observer,
    *,
    site: Site | None = None,
    force: bool = False,
    accept: Accept = lambda _: None,
    collection: "Collection | None" = None,
) -> list[BuiltImage]:
    """Build the steps of a plan; without ``site`` this machine's facts are looked up.

    With a ``collection`` builds have no network and find what they need in it. ``force`` uses
    nothing of earlier builds. ``accept`` is called with each image that was built;
    what it raises ends the builds. Raises BuildError with the last lines of the step
    that failed, ImageMismatchError for a base that does not fit, DiskFullError; builds that run
    beside a failed one are finished first.
    """
    if collection is not None:
        for step in steps:
            collection.check(step.recipe)
        site = collection.site
        if any(step.recipe.wants_debian for step in steps):
            collection.bring_debian(engine)
    elif not any(step.recipe.wants_site for step in steps):
        site = Site()
    elif site is None:
        site = find_site(release=RELEASE)
    begun = datetime.now(UTC)
    builder = _Builder(
        project, engine, site, emit, force=force, accept=accept, collection=collection
    )
    try:
        return builder.build(steps)
    finally:
        if any(step.recipe.wants_site for step in steps):
            forget_contexts(engine.api, begun)


class _Builder:
    def __init__(
        self,
        project: Project,
        engine: DockerEngine,
        site: Site,
        emit: Observer,
        *,
        force: bool,
        accept: Accept,
        collection: "Collection | None",
    ) -> None:
        self._project = project
        self._engine = engine
        self._site = site
        self._observer = emit
        self._force = force
        self._accept = accept
        self._collection = collection
        self._emitting = threading.Lock()
        self._sent = SentBuilds(engine.api, can_cancel=engine.identity.podman is None)

    def _emit(self, event: Event) -> None:
        with self._emitting:
            self._observer(event)

    def build(self, steps: Sequence[BuildStep]) -> list[BuiltImage]:
        """Build each image when its parent is there; who interrupts this stops the builds."""
        try:
            return self._in_order(steps)
        finally:
            self._sent.stop()

    def _in_order(self, steps: Sequence[BuildStep]) -> list[BuiltImage]:
        by_name = {step.image: step for step in steps}
        order = graphlib.TopologicalSorter({step.image: _parents(step, by_name) for step in steps})
        order.prepare()
        ended: queue.SimpleQueue[tuple[str, BuiltImage | BaseException]] = queue.SimpleQueue()
        waiting: list[str] = []
        built: list[BuiltImage] = []
        problem: BaseException | None = None
        running = 0
        while order.is_active():
            waiting += order.get_ready()
            while waiting and running < AT_ONCE and problem is None:
                step = by_name[waiting.pop(0)]
                # A daemon: a base that is being made must not hold up who is told to stop.
                threading.Thread(target=self._work, args=(step, ended), daemon=True).start()
                running += 1
            if not running:
                break
            image, outcome = ended.get()
            running -= 1
            if isinstance(outcome, BuiltImage):
                built.append(outcome)
                order.done(image)
            else:
                problem = problem or outcome
        if problem is not None:
            raise problem
        return built

    def _work(
        self, step: BuildStep, ended: "queue.SimpleQueue[tuple[str, BuiltImage | BaseException]]"
    ) -> None:
        try:
            ended.put((step.image, self._one(step)))
        except BaseException as problem:  # it is raised again in the main thread
            ended.put((step.image, problem))

    def _one(self, step: BuildStep) -> BuiltImage:
        begun = time.monotonic()
        self._emit(BuildStarted(image=step.image, reason=step.reason))
        recipe = step.recipe
        arguments, labels = dict(recipe.arguments), recipe.labels(self._project.settings.name)
        if recipe.wants_debian:
            arguments["DEBIAN"] = labels[DEBIAN] = self._debian(step.image)
            arguments["LOCKED_PYTHON"] = Recipes(self._project).locked_pythons()
        if recipe.parent and (parent := self._engine.image(recipe.parent.image)):
            labels[PARENT] = parent.digest
        request = BuildRequest(
            image=step.image,
            arguments=arguments,
            labels=labels,
            network=self._network(recipe),
            is_podman=self._engine.identity.podman is not None,
            use_cache=not self._force,
        )
        with (
            contextlib.closing(context_tar(self._context(recipe))) as context,
            self._sent.one() as name,
        ):
            request = replace(request, name=name)
            failure = send_build(
                self._engine.api, request, context, lambda *what: self._progress(step.image, *what)
            )
        if failure:
            raise build_error(step.image, failure, self._site)
        built = self._finished(step.image, time.monotonic() - begun)
        self._accept(recipe)
        return built

    def _network(self, recipe: Recipe) -> str:
        if self._collection is not None:
            return "none"
        return "host" if recipe.wants_site and self._site.host_network else ""

    def _debian(self, image: str) -> str:
        if self._collection is not None:
            return self._collection.debian
        return get_debian(
            self._engine,
            self._project.settings.base,
            self._site,
            fresh=self._force,
            on_line=lambda line: self._progress(image, "Debian", line),
        )

    def _context(self, recipe: Recipe) -> tuple[ContextFile, ...]:
        files = recipe.files
        if recipe.wants_site:
            files += self._site.files()
            files += self._collection.files(recipe) if self._collection is not None else ()
        if recipe.has_lock:
            files += pip_files()
        return files

    def _progress(self, image: str, step: str, line: str | None) -> None:
        clean = None if line is None else self._site.redact(line)
        self._emit(BuildProgress(image=image, step=self._site.redact(step), line=clean))

    def _finished(self, image: str, seconds: float) -> BuiltImage:
        found = self._engine.image(image)
        if found is None:
            msg = f"{image} was built, and yet the engine does not have it. Is its disk full?"
            raise BuildError(msg)
        self._emit(
            BuildFinished(image=image, duration_seconds=seconds, size_bytes=found.size_bytes)
        )
        return BuiltImage(
            image=image,
            digest=found.digest,
            size_bytes=found.size_bytes,
            duration_seconds=seconds,
        )


def build_error(image: str, failure: BuildFailure, site: Site) -> StagerunError:
    """What to say of a build that failed, without the site's passwords."""
    lines = [site.redact(line) for line in failure.last_lines]
    for line in lines:
        if line.startswith(REFUSAL):
            return ImageMismatchError(f"{image} was not built: {line.removeprefix(REFUSAL)}")
    problem = site.redact(failure.problem)
    if any("no space left on device" in text.lower() for text in (problem, *lines)):
        return DiskFullError(
            f"{image} was not built: the engine's disk is full. Free some space: "
            "stagerun clean shows what would go."
        )
    if code := re.search(r"exit (?:code|status):? (\d+)$", problem):
        problem = f"a step ended with exit code {code[1]}."
    shown = "\n".join(f"    {line}" for line in lines) or "    (it printed nothing)"
    return BuildError(
        f"{image} was not built: {problem}\nThe step was: {site.redact(failure.step)}\n"
        f"Its last lines:\n{shown}\n"
        "The same command goes on from here; with --verbose it shows all that is printed."
    )


def _parents(step: BuildStep, planned: dict[str, BuildStep]) -> set[str]:
    parent = step.recipe.parent
    return {parent.image} if parent and parent.image in planned else set()
