"""A Dockerfile as the rules see it, and the rules for it."""

import contextlib
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.compliance.finding import Rule, Severity, Spot

SECRET: Final = re.compile(
    r"(?i)(^|_)(token|secret|password|passwd|passphrase|credentials?|(api|access|private|secret)_?key)$"
)
REMOTE: Final = re.compile(r"^(https?://|git@|git://|ftp://)")
PARENT: Final = re.compile(r"^stagerun/parent-[\w.-]+:current$")
VARIABLE: Final = re.compile(r"\$\{?(\w+)(?::-([^}]*))?\}?")
HEREDOC: Final = re.compile(r"<<-?['\"]?(\w+)['\"]?(\s|$)")
APK: Final = re.compile(r"\bapk .*\badd\b")
VALUES: Final = frozenset(
    {"--target", "-t", "--prefix", "--root", "--index-url", "-i", "--find-links"}
)
"""Options of pip that take the next word."""

APT: Final = re.compile(r"\bapt(-get)? .*\binstall\b")
PIP: Final = re.compile(r"\bpip3? .*\binstall\b")
FLAG: Final = re.compile(r"^--[a-z-]+(=\S+)?\s+")


@dataclass(frozen=True)
class Instruction:
    """One instruction: the line that it begins in, its word in capitals, and the rest."""

    line: int
    word: str
    rest: str

    def spot(self, message: str) -> Spot:
        """Where it stands."""
        return Spot(line=self.line, column=1, end_column=len(self.word) + 1, message=message)


@dataclass(frozen=True)
class Dockerfile:
    """The instructions of a Dockerfile."""

    path: Path
    text: str
    instructions: tuple[Instruction, ...]

    def of(self, *words: str) -> Iterator[Instruction]:
        """The instructions that begin with one of these words."""
        return (item for item in self.instructions if item.word in words)


def read_dockerfile(path: Path) -> Dockerfile:
    """Read a Dockerfile. Raises OSError, or UnicodeDecodeError for one that is no text."""
    text = path.read_text(encoding="utf-8")
    return Dockerfile(path, text, tuple(_instructions(text)))


def _instructions(text: str) -> Iterator[Instruction]:
    begun, whole, inner_end = 0, "", ""
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if inner_end:
            inner_end = "" if stripped == inner_end else inner_end
            continue
        if not stripped or stripped.startswith("#"):
            continue
        begun = begun or number
        goes_on = stripped.endswith("\\")
        whole += stripped.removesuffix("\\") + (" " if goes_on else "")
        if not goes_on:
            word, _, rest = whole.partition(" ")
            yield Instruction(begun, word.upper(), _plain(rest.strip()))
            heredoc = HEREDOC.search(rest)
            inner_end = heredoc[1] if heredoc else ""
            begun, whole = 0, ""


def _plain(rest: str) -> str:
    """What an instruction says, also where it is written as a list."""
    if rest.startswith("["):
        with contextlib.suppress(ValueError):
            return shlex.join(map(str, json.loads(rest)))
    return rest


def find_unpinned_bases(file: Dockerfile) -> Iterator[Spot]:
    """Images that are another one tomorrow."""
    arguments = dict(_assignments(file, "ARG"))
    stages: set[str] = set()
    for item in file.of("FROM"):
        words = _without_flags(item.rest).split()
        if not words:
            continue
        image = VARIABLE.sub(lambda found: arguments.get(found[1]) or found[2] or "", words[0])
        name, _, tag = image.rpartition("/")[2].partition(":")
        is_known = not name or image.lower() in {*stages, "scratch"} or PARENT.match(image)
        if not is_known and "@sha256:" not in image and tag in {"", "latest"}:
            yield item.spot(f"{image} is another image tomorrow: name a version or a digest")
        if len(words) > 2:  # noqa: PLR2004  (FROM image AS name)
            stages.add(words[2].lower())


def find_package_caches(file: Dockerfile) -> Iterator[Spot]:
    """Lists and archives of packages that stay in a layer."""
    keeps_nothing = "PIP_NO_CACHE_DIR" in dict(_assignments(file, "ENV", "ARG"))
    for item in file.of("RUN"):
        if "type=cache" in item.rest:
            continue
        if APT.search(item.rest) and "/var/lib/apt/lists" not in item.rest:
            yield item.spot("apt's lists stay in the layer: rm -rf /var/lib/apt/lists/*")
        if APK.search(item.rest) and "--no-cache" not in item.rest:
            yield item.spot("apk's index stays in the layer: --no-cache")
        if PIP.search(item.rest) and "--no-cache-dir" not in item.rest and not keeps_nothing:
            yield item.spot("pip's cache stays in the layer: --no-cache-dir")


def find_build_secrets(file: Dockerfile) -> Iterator[Spot]:
    """Secrets that everybody can read in the image's history."""
    for item in file.of("ARG", "ENV"):
        for name, _ in _pairs(item):
            if SECRET.search(name):
                text = "is kept in the image's history: a stage gets secrets as files, in its run"
                yield item.spot(f"{name} {text}")


def find_remote_additions(file: Dockerfile) -> Iterator[Spot]:
    """Files from the network that nobody has checked."""
    for item in file.of("ADD"):
        sources = _without_flags(item.rest).split()[:-1]
        if any(map(REMOTE.match, sources)) and "--checksum=" not in item.rest:
            yield item.spot("ADD takes what the network gives today: --checksum=sha256:…, or COPY")


def find_unpinned_packages(file: Dockerfile) -> Iterator[Spot]:
    """Python packages without a version."""
    for item in file.of("RUN"):
        for command in re.split(r"&&|\|\||;", item.rest):
            found = re.search(r"\bpip3? (?:.* )?install\b(.*)", command)
            loose = _loose_packages(_words(found[1])) if found else []
            if loose and "--require-hashes" not in command:
                yield item.spot(f"{', '.join(loose)} without a version: use a requirements.lock")


def _loose_packages(words: list[str]) -> list[str]:
    takes = {"-r", "--requirement", "-c", "--constraint"} | VALUES
    named = [word for before, word in zip(["", *words], words, strict=False) if before not in takes]
    return [word for word in named if _is_loose(word)]


def _is_loose(word: str) -> bool:
    if word.startswith("git+"):
        return "@" not in word.rpartition("/")[2]
    return bool(re.match(r"^[A-Za-z0-9]", word)) and not re.search(r"==|@|\.whl$|/", word)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _without_flags(rest: str) -> str:
    while FLAG.match(rest):
        rest = FLAG.sub("", rest)
    return rest


def _assignments(file: Dockerfile, *words: str) -> Iterator[tuple[str, str]]:
    for item in file.of(*words):
        yield from _pairs(item)


def _pairs(item: Instruction) -> Iterator[tuple[str, str]]:
    words = _words(item.rest)
    if item.word == "ENV" and words and "=" not in words[0]:
        yield words[0], " ".join(words[1:])
        return
    for word in words:
        name, _, value = word.partition("=")
        yield name, value


E, W = Severity.ERROR, Severity.WARNING

RULES: Final[tuple[Rule[Dockerfile], ...]] = (
    Rule("ST601", "unpinned-base", E, find_unpinned_bases),
    Rule("ST602", "package-cache", W, find_package_caches),
    Rule("ST603", "build-secret", E, find_build_secrets),
    Rule("ST604", "remote-add", E, find_remote_additions),
    Rule("ST605", "unpinned-package", W, find_unpinned_packages),
)
