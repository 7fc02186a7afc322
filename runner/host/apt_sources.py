"""The host's package sources for Debian itself, in both of apt's formats.

Sources of other vendors are left aside: an image of ours has no use for them, and their mirrors
may not be reachable from a build.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

RELEASES: Final = frozenset(
    {
        *("bullseye", "bookworm", "trixie", "forky", "duke", "sid"),
        *("oldoldstable", "oldstable", "stable", "testing", "unstable"),
    }
)
POCKETS: Final = ("", "-updates", "-security")
"""What may follow a release's name in a suite that is of use here."""

AREAS: Final = frozenset({"main", "contrib", "non-free", "non-free-firmware"})
DEBIAN_KEYS: Final = "debian-archive-"
LISTS: Final = Path("var/lib/apt/lists")


@dataclass(frozen=True, kw_only=True)
class AptSource:
    """One entry: where packages are, and whose signature they need.

    ``signed_by`` is a path on the host, or the key itself in its armour.
    """

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


def parse_one_line(text: str) -> list[AptSource]:
    """The entries of a ``.list`` file; lines that apt would not use are passed over."""
    found = []
    for line in text.splitlines():
        match = re.fullmatch(
            r"deb\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<areas>.*)",
            line.partition("#")[0].strip(),
        )
        if match is None:
            continue
        pairs = (text.split("=", 1) for text in shlex.split(match["options"] or "") if "=" in text)
        options = {key.lower(): value for key, value in pairs}
        found.append(
            AptSource(
                uris=(match["uri"],),
                suites=(match["suite"],),
                components=tuple(match["areas"].split()),
                signed_by=options.pop("signed-by", ""),
                options=_kept(options),
            )
        )
    return found


def parse_deb822(text: str) -> list[AptSource]:
    """The entries of a ``.sources`` file that are enabled and hold binary packages."""
    found = []
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split():
            continue
        if fields.get("enabled", "yes").lower() in ("no", "false", "0", "off"):
            continue
        found.append(
            AptSource(
                uris=tuple(fields.get("uris", "").split()),
                suites=tuple(fields.get("suites", "").split()),
                components=tuple(fields.get("components", "").split()),
                signed_by=fields.get("signed-by", ""),
                options=_kept(fields),
            )
        )
    return found


def _fields(stanza: str) -> dict[str, str]:
    """The fields of one stanza; a key that stands in the file itself keeps its lines."""
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line[0] in " \t":
            # A lone dot stands for an empty line.
            more = line.strip()
            fields[name] = fields.get(name, "") + "\n" + ("" if more == "." else more)
        else:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def _kept(options: Mapping[str, str]) -> dict[str, str]:
    """Of all options, those that still mean something inside a build."""
    return {"trusted": "yes"} if options.get("trusted", "").lower() == "yes" else {}


def debian_sources(root: Path = Path("/")) -> list[AptSource]:
    """The sources for Debian itself in the host's ``/etc/apt``; empty on another distribution."""
    apt = root / "etc/apt"
    found: list[AptSource] = []
    for path in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        if path.suffix in (".list", ".sources") and path.is_file():
            found += read_sources(path)
    return [source for item in found if (source := debian_part(item, root)) is not None]


def read_sources(path: Path) -> list[AptSource]:
    """All entries of one file, in the format that its suffix names."""
    text = path.read_text(errors="replace")
    return parse_deb822(text) if path.suffix == ".sources" else parse_one_line(text)


def debian_part(source: AptSource, root: Path = Path("/")) -> AptSource | None:
    """What of an entry is Debian's own; None for a vendor's."""
    suites = tuple(suite for suite in source.suites if _release_of(suite))
    areas = tuple(area for area in source.components if area in AREAS)
    if not suites or not areas or not source.uris:
        return None
    if source.signed_by:
        is_debian = DEBIAN_KEYS in source.signed_by
    else:
        # Several vendors name their suites like Debian's; what apt fetched last says whose it is.
        origins = (_origin(root, uri, suite) for uri in source.uris for suite in suites)
        is_debian = all(origin in (None, "Debian") for origin in origins)
    return replace(source, suites=suites, components=areas) if is_debian else None


def _release_of(suite: str) -> str:
    for pocket in POCKETS:
        if suite.endswith(pocket) and (name := suite.removesuffix(pocket)) in RELEASES:
            return name
    return ""


def _origin(root: Path, uri: str, suite: str) -> str | None:
    """The Origin in the host's copy of the release file; None if there is no copy."""
    place = re.sub(r"^\w+://(?:[^/@]*@)?", "", uri).rstrip("/").replace("_", "%5f")
    for kind in ("InRelease", "Release"):
        path = root / LISTS / f"{place}/dists/{suite}/{kind}".replace("/", "_")
        if path.is_file():
            match = re.search(r"^Origin: *(.*)$", path.read_text(errors="replace"), re.MULTILINE)
            return match[1].strip() if match else ""
    return None


def for_release(sources: Iterable[AptSource], release: str) -> list[AptSource]:
    """The same mirrors for the release that the images are made of."""
    moved = []
    for source in sources:
        pockets = (suite.removeprefix(_release_of(suite)) for suite in source.suites)
        suites = tuple(dict.fromkeys(release + pocket for pocket in pockets))
        moved.append(replace(source, suites=suites))
    return moved


def one_line_format(sources: Iterable[AptSource], key_file: Callable[[str], str]) -> str:
    """The sources as a ``sources.list``; ``key_file`` gives the path for a ``signed_by``."""
    lines = []
    for source in sources:
        options = dict(source.options)
        if source.signed_by:
            options["signed-by"] = key_file(source.signed_by)
        text = " ".join(f"{key}={value}" for key, value in sorted(options.items()))
        lines += [
            " ".join(filter(None, ["deb", text and f"[{text}]", uri, suite, *source.components]))
            for uri in source.uris
            for suite in source.suites
        ]
    return "".join(f"{line}\n" for line in lines)
