"""The way to TMDB: its address, and the proxy and certificates of the site."""

from __future__ import annotations

import ipaddress
import os
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Mapping, Optional, Tuple
from urllib.parse import urlsplit

from lookup_errors import UnreachableError, WrongSettingError

TMDB = "https://api.themoviedb.org"
JOB_FILE = "job.yaml"
# stagerun: ignore[ST306] the runner puts it there
PROXY_FILE = Path("/run/site/proxy.env")
_CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True)
class SiteNetwork:
    """`proxy` may hold a password, so it is neither logged nor shown."""

    proxy: str = field(default="", repr=False)
    certificates: Optional[Path] = None


def check_url(url: str) -> Tuple[str, str]:
    """TMDB_URL without the version at its end, and a warning if it is not safe.

    Raises WrongSettingError.
    """
    if "@" in url or not _is_web_address(url):
        shown = "an address with a password in it" if "@" in url else repr(url)
        message = f"TMDB_URL is {shown}. Write https://host, as in https://api.themoviedb.org."
        raise WrongSettingError(message)
    is_open = url.startswith("http:")
    warning = "TMDB_URL is no https address: anybody on the way sees the token." if is_open else ""
    return url.rstrip("/").removesuffix("/3"), warning


def check_may_have_token(url: str, source: str) -> None:
    """Raises WrongSettingError for an address that is not the site's own choice.

    A job directory may come from anybody, and whoever chooses the address gets the token.
    """
    if source.startswith(JOB_FILE) and url != TMDB:
        message = (
            f"TMDB_URL is {url!r} ({source}), and a job must not decide where the site's token is"
            " sent. Set it in stagerun.yaml (config: {TMDB_URL: …}) or with --set on this call."
        )
        raise WrongSettingError(message)


def read_site_network(
    url: str, *, proxy_file: Path = PROXY_FILE, environment: Optional[Mapping[str, str]] = None
) -> SiteNetwork:
    """The proxy and the certificates for an address; without the runner, from the environment.

    Raises UnreachableError when the proxy cannot be used.
    """
    # stagerun: ignore[ST501] without the runner, proxies are where every program has them
    variables = os.environ if environment is None else environment
    return SiteNetwork(
        proxy=_proxy(url, {**variables, **_read_variables(proxy_file)}),
        certificates=_certificates(variables),
    )


def _read_variables(path: Path) -> Dict[str, str]:
    """The variables in a file that a shell could read."""
    try:
        words = shlex.split(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):  # the text may hold a password, and so may what ValueError says
        message = f"The site's proxy settings in {path} cannot be read."
        raise UnreachableError(message) from None
    return dict(word.partition("=")[::2] for word in words if "=" in word)


def _proxy(url: str, variables: Mapping[str, str]) -> str:
    address = urlsplit(url)
    host = address.hostname or ""
    name = f"{address.scheme}_proxy"
    proxy = variables.get(name.upper()) or variables.get(name) or ""
    bypass = variables.get("NO_PROXY") or variables.get("no_proxy") or ""
    if not proxy or any(_covers(entry.strip(), host) for entry in bypass.split(",")):
        return ""
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not _is_web_address(proxy):
        message = (
            f"The site's {name.upper()} is no address of a proxy. Write http://host:port"
            " (stagerun.yaml, network: proxy)."
        )
        raise UnreachableError(message)
    return proxy


def _covers(entry: str, host: str) -> bool:
    """Whether an entry of NO_PROXY means this host: a name, a domain, a network or ``*``."""
    if not entry:
        return False
    name = re.sub(r":\d+$", "", entry).lstrip(".").lower()
    if entry == "*" or host == name or host.endswith(f".{name}"):
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0  # the port's number is read only here
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and has_host and not parts.query


def _certificates(variables: Mapping[str, str]) -> Optional[Path]:
    named = (Path(text) for name in _CERTIFICATES if (text := variables.get(name)))
    return next(named, None)
