"""What this site needs to reach its mirrors: proxies, certificates, package sources, passwords.

All of it is mounted into the build steps that need it and is in no image, label or build argument.
The steps read ``env`` (a shell file), which points at the other files.
"""

import contextlib
import os
import re
import shlex
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from runner.home import home_folder
from runner.host.apt_sources import AptSource, debian_sources, for_release, one_line_format
from runner.host.build_context import SITE_FOLDER, ContextFile
from runner.host.pip_site import pip_settings

MOUNTED: Final = "/run/site"
PROXIES: Final = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
CA_VARIABLES: Final = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
CA_BUNDLES: Final = (
    "etc/ssl/certs/ca-certificates.crt",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/ssl/ca-bundle.pem",
)
APT_OPTIONS: Final = re.compile(
    r"Acquire::(Retries|(https?|ftp)::(([^:\s]+::)?Proxy|Timeout|Verify-Peer|Verify-Host))",
    re.IGNORECASE,
)
EPOCH: Final = "SOURCE_DATE_EPOCH"
LOOPBACK: Final = ("localhost", "127.", "::1")


@dataclass(frozen=True, kw_only=True)
class Site:
    """What the builds on this machine are given; nothing of it may reach an image."""

    environment: Mapping[str, str] = field(default_factory=dict)
    apt_options: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[AptSource, ...] = ()
    certificates: bytes = b""
    passwords: str = ""
    """Names and passwords of mirrors, in the format of netrc."""

    @property
    def host_network(self) -> bool:
        """Whether something listens on this machine's loopback, which a build cannot see alone."""
        return any(
            (urlsplit(text).hostname or "").startswith(LOOPBACK) for text in self.addresses()
        )

    def addresses(self) -> list[str]:
        """Every address of a mirror or proxy."""
        values = [*self.environment.values(), *self.apt_options.values()]
        texts = [word for value in values for word in value.split() if "://" in word]
        return texts + [uri for source in self.sources for uri in source.uris]

    def secrets(self) -> tuple[str, ...]:
        """Every password, as it is written and as it is meant, to keep it out of what is shown."""
        written = {urlsplit(text).password or "" for text in self.addresses()}
        written.update(re.findall(r"\bpassword\s+(\S+)", self.passwords))
        found = written | {unquote(text) for text in written}
        return tuple(sorted(filter(None, found), key=len, reverse=True))

    def redact(self, text: str) -> str:
        """The text without passwords."""
        for secret in self.secrets():
            text = text.replace(secret, "***")
        return text

    def files(self) -> tuple[ContextFile, ...]:
        """The context's ``.site`` folder; there is always an ``env``."""
        contents = {"env": self._env(), "apt.conf": self._apt_conf()}
        if self.certificates:
            contents["ca.crt"] = self.certificates
        if self.passwords:
            contents["netrc"] = self.passwords.encode()
        if self.sources:
            keys: dict[str, bytes] = {}
            text = one_line_format(self.sources, lambda key: _key_file(key, keys))
            contents |= {"sources.list": text.encode(), **keys}
        return tuple(
            ContextFile(path=f"{SITE_FOLDER}/{name}", source=content)
            for name, content in contents.items()
        )

    def _env(self) -> bytes:
        variables = dict(self.environment) | {"APT_CONFIG": f"{MOUNTED}/apt.conf"}
        if self.certificates:
            variables |= dict.fromkeys(CA_VARIABLES, f"{MOUNTED}/ca.crt")
        if self.passwords:
            variables["NETRC"] = f"{MOUNTED}/netrc"
        lines = (f"export {name}={shlex.quote(text)}\n" for name, text in sorted(variables.items()))
        return "".join(lines).encode()

    def _apt_conf(self) -> bytes:
        options = dict(self.apt_options)
        if self.sources:
            options["Dir::Etc::SourceList"] = f"{MOUNTED}/sources.list"
            options["Dir::Etc::SourceParts"] = "/dev/null"
        if self.certificates:
            options["Acquire::https::CaInfo"] = f"{MOUNTED}/ca.crt"
        if self.passwords:
            options["Dir::Etc::netrc"] = f"{MOUNTED}/netrc"
        return "".join(f'{key} "{value}";\n' for key, value in sorted(options.items())).encode()


def _key_file(signed_by: str, keys: dict[str, bytes]) -> str:
    """Where a build finds a source's key; adds its file to ``keys``."""
    if "BEGIN PGP" in signed_by:
        content, suffix = signed_by.lstrip().encode() + b"\n", ".asc"
    else:
        path = Path(signed_by)
        content, suffix = path.read_bytes(), path.suffix or ".gpg"
    known = {held: name for name, held in keys.items()}
    name = known.get(content, f"key-{len(keys)}{suffix}")
    keys[name] = content
    return f"{MOUNTED}/{name}"


def find_site(
    environment: Mapping[str, str] | None = None,
    *,
    release: str,
    root: Path = Path("/"),
    home: Path | None = None,
    apt_options: Mapping[str, str] | None = None,
) -> Site:
    """The facts of this machine. ``release`` is the Debian release that the images are made of."""
    variables = os.environ if environment is None else environment
    home = home_folder() if home is None else home
    asked = apt_configuration() if apt_options is None else apt_options
    sources = tuple(for_release(debian_sources(root), release))
    settings = _proxies(variables) | pip_settings(variables, root, home) | same_times(variables)
    site = Site(
        environment=settings,
        apt_options={key: value for key, value in asked.items() if APT_OPTIONS.fullmatch(key)},
        sources=sources,
        certificates=_certificates(variables, asked, root),
    )
    hosts = {urlsplit(text).hostname or "" for text in site.addresses()}
    return replace(site, passwords=_passwords(_password_files(root, home), hosts))


def same_times(variables: Mapping[str, str]) -> dict[str, str]:
    """The time that build steps give to what they write, where the caller has set one."""
    value = variables.get(EPOCH, "")
    return {EPOCH: value} if value.isdecimal() else {}


def apt_configuration() -> dict[str, str]:
    """The host's apt configuration; empty where there is no apt."""
    command = ["apt-config", "dump"]
    try:
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return {}
    return dict(re.findall(r'^(\S+) "(.*)";$', output, re.MULTILINE))


def _proxies(variables: Mapping[str, str]) -> dict[str, str]:
    """Proxies in both spellings, because programs differ in which one they read."""
    found: dict[str, str] = {}
    for name in PROXIES:
        if value := variables.get(name) or variables.get(name.upper()):
            found |= {name: value, name.upper(): value}
    return found


def _certificates(
    variables: Mapping[str, str], apt_options: Mapping[str, str], root: Path
) -> bytes:
    """The certificates that this machine trusts, with those that only apt was told of."""
    named = (Path(variables[name]) for name in CA_VARIABLES if variables.get(name))
    bundles = [*named, *(root / name for name in CA_BUNDLES)]
    chosen = next((path for path in bundles if path.is_file()), None)
    lower = {key.lower(): value for key, value in apt_options.items()}
    extra = Path(lower.get("acquire::https::cainfo", ""))
    paths = dict.fromkeys(path for path in (chosen, extra) if path is not None and path.is_file())
    return b"\n".join(path.read_bytes() for path in paths)


def _password_files(root: Path, home: Path) -> list[Path]:
    apt = root / "etc/apt"
    return [apt / "auth.conf", *sorted((apt / "auth.conf.d").glob("*.conf")), home / ".netrc"]


def _passwords(files: Iterable[Path], hosts: Iterable[str]) -> str:
    """The entries for the mirrors in use, of every file that may be read."""
    wanted, found = set(hosts), []
    for path in files:
        text = ""
        with contextlib.suppress(OSError):
            text = path.read_text(errors="replace")
        words = " ".join(line.partition("#")[0] for line in text.splitlines())
        for entry in re.split(r"\bmachine\s+", words)[1:]:
            name = entry.partition(" ")[0].rpartition("://")[2]
            if urlsplit(f"//{name}").hostname in wanted:
                found.append(f"machine {entry.strip()}\n")
    return "".join(found)
