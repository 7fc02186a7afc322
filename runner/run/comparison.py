"""What two runs had otherwise: what they were given, what they used, and what came of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from runner.manifest import InputFile, Limits, OutputFile, RunRecord
from runner.project.quantity import duration_text, limit_text, size_text
from runner.run.prospect import short

ABOUT: Final = 0.1
"""By which part two measured numbers may differ and still count as the same."""

FEW_SECONDS: Final = 0.2
"""And by how much in any case: starting a container takes now this long, now that."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing that is on record of a run; ``value`` is for programs, ``text`` for people.

    What was ``measured`` never comes out the same twice.
    """

    kind: str
    name: str
    value: Any
    text: str
    measured: bool = False

    def is_like(self, other: "Fact") -> bool:
        """Whether it is the same, or as good as the same where it was measured."""
        if not self.measured or self.value is None or other.value is None:
            return bool(self.value == other.value)
        room = ABOUT * max(abs(self.value), abs(other.value))
        if self.name.endswith("seconds"):
            room = max(room, FEW_SECONDS)
        return bool(abs(self.value - other.value) <= room)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A fact that differs; None on the side where there is none."""

    kind: str
    name: str
    a: Fact | None
    b: Fact | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two runs side by side: what differs, and what is the same."""

    differences: tuple[Difference, ...]
    equal: tuple[Fact, ...]


def compare_runs(a: RunRecord, b: RunRecord) -> Comparison:
    """Put everything on record of two runs side by side, in the order of a run."""
    left = {(fact.kind, fact.name): fact for fact in _facts(a)}
    right = {(fact.kind, fact.name): fact for fact in _facts(b)}
    differences, equal = [], []
    for key in dict.fromkeys((*left, *right)):
        one, other = left.get(key), right.get(key)
        if one is not None and other is not None and one.is_like(other):
            equal.append(one)
        else:
            differences.append(Difference(kind=key[0], name=key[1], a=one, b=other))
    order = list(dict.fromkeys(fact.kind for record in (a, b) for fact in _facts(record)))
    return Comparison(
        differences=tuple(sorted(differences, key=lambda item: order.index(item.kind))),
        equal=tuple(equal),
    )


def _facts(record: RunRecord) -> Iterator[Fact]:
    yield _plain("stage", "", record.stage_id)
    yield _plain("verdict", "", record.verdict.value)
    yield _plain("reason", "", record.reason)
    yield _plain("exit code", "", record.evidence.exit_code)
    yield _plain("findings", "", record.findings_total)
    yield from _made_of(record)
    for key, value in record.config.items():
        yield Fact(
            kind="setting",
            name=key,
            value=value.value,
            text=f"{'not set' if value.value is None else value.value} ({value.source})",
        )
    yield from _files("input", record.inputs)
    for name, model in record.models.items():
        content = {"folder": model.folder, "files": model.files}
        digests = ", ".join(short(digest) for digest in sorted(model.files.values()))
        yield Fact(kind="model", name=name, value=content, text=f"{model.folder} ({digests})")
    yield from _limits(record.limits_effective or record.limits_asked)
    yield _plain("GPUs", "", ", ".join(record.gpu.uuids))
    yield from _used(record)
    yield from _files("output", record.outputs)


def _made_of(record: RunRecord) -> Iterator[Fact]:
    changes = "".join(f", {it.name} {it.used}" for it in record.attempt.changes)
    yield _plain("attempt", "", f"{record.attempt.number}{changes}")
    yield _plain("variant", "", record.variant)
    if record.image is not None:
        image = record.image
        text = f"{image.name} {short(image.digest)}"
        yield Fact(kind="image", name="", value=image.digest, text=text)
    mounted = record.components.get("mounted sources")
    text = f"as on disk {short(mounted)}" if mounted else "the image's"
    yield Fact(kind="code", name="", value=mounted, text=text)
    yield _plain("declared outputs", "", record.components.get("declared outputs"))
    yield _plain("stagerun", "", record.runner.version)


def _files(kind: str, files: list[InputFile] | list[OutputFile]) -> Iterator[Fact]:
    """Files by their name; where there are several of one, by their path as well."""
    names = [file.name for file in files]
    for file in files:
        name = file.name if names.count(file.name) == 1 else f"{file.name} {file.path}"
        content = {
            "path": file.path,
            "size_bytes": file.size_bytes,
            "checksum": file.checksum,
        }
        text = f"{file.path} {size_text(file.size_bytes)} {short(file.checksum)}"
        yield Fact(kind=kind, name=name, value=content, text=text)


def _limits(limits: Limits) -> Iterator[Fact]:
    for name, value in limits.model_dump().items():
        what, _, unit = name.partition("_")
        text = "none" if value is None else f"{value:g}"
        if value is not None and unit:
            text = limit_text(value) if unit == "bytes" else duration_text(value)
        yield Fact(kind="limit", name=what, value=value, text=text)


def _used(record: RunRecord) -> Iterator[Fact]:
    used = {"duration_seconds": record.duration_seconds, **record.usage.model_dump()}
    for name in ("samples", "gpu_samples", "gpu_used"):
        used.pop(name)
    for name, value in used.items():
        what = name.removesuffix("_bytes").replace("_", " ")
        text = "unknown" if value is None else f"{value:g}"
        if value is not None and name.endswith("_bytes"):
            text = size_text(value)
        elif value is not None and name.endswith("_seconds"):
            text = duration_text(value)
        yield Fact(kind="used", name=what, value=value, text=text, measured=True)


def _plain(kind: str, name: str, value: str | float | None) -> Fact:
    text = "none" if value is None or value == "" else str(value)
    return Fact(kind=kind, name=name, value=value, text=short(text) if _is_digest(text) else text)


def _is_digest(text: str) -> bool:
    return text.startswith("sha256:")
