"""What a stage gets beside the site's network: the site's certificates, and the way to its proxy.

A proxy's address may hold a password. It travels in a file that only the job's owner can read and
that is gone after the run; it is in no environment, label, request or record.
"""

import contextlib
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runner.errors import SettingsError
from runner.host.container import Mount
from runner.job.folder import Job
from runner.job.own_file import open_regular
from runner.project.settings import Network

CERTIFICATES: Final = "/run/site/ca.crt"
PROXY: Final = "/run/site/proxy.env"
PROXY_FILE: Final = "proxy.env"
CA_VARIABLES: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
PROXY_VARIABLES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")


@dataclass(frozen=True, kw_only=True)
class SiteAccess:
    """How to reach what lies behind the site's network; both may be empty."""

    certificates: Path | None = None
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)

    def environment(self) -> dict[str, str]:
        """Where programs find the certificates."""
        return dict.fromkeys(CA_VARIABLES, CERTIFICATES) if self.certificates else {}

    def mounts(self, run_folder: Path) -> list[Mount]:
        """The files in the container."""
        sources = {CERTIFICATES: self.certificates}
        sources[PROXY] = run_folder / PROXY_FILE if self.proxies else None
        return [
            Mount(source=str(source), target=target) for target, source in sources.items() if source
        ]

    def write(self, job: Job, run_id: str) -> None:
        """Lay the proxy's file into the run's folder, for nobody but the job's owner."""
        if self.proxies:
            path = job.run_folder(run_id) / PROXY_FILE
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
                job.give(path)
                for name, text in self.proxies.items():
                    file.write(f"{name}={shlex.quote(text)}\n")


def kept_proxies(job: Job, run_id: str) -> dict[str, str]:
    """The proxies of a run that is not over, from their file."""
    path = job.run_folder(run_id) / PROXY_FILE
    with (
        contextlib.suppress(OSError),
        os.fdopen(open_regular(path, os.O_RDONLY), encoding="utf-8") as file,
    ):
        found = (line.partition("=") for line in file.read().splitlines())
        return {name: "".join(shlex.split(text)) for name, _, text in found}
    return {}


def forget_proxy(job: Job, run_id: str) -> None:
    """Remove the proxy's file at the end of a run."""
    (job.run_folder(run_id) / PROXY_FILE).unlink(missing_ok=True)


def find_site_access(network: Network, environment: Mapping[str, str] | None = None) -> SiteAccess:
    """What ``stagerun.yaml`` says of the site, and for the rest the caller's environment.

    Raises SettingsError when the certificates that it names are not there.
    """
    variables = os.environ if environment is None else environment
    if network.ca_bundle is not None and not network.ca_bundle.is_file():
        msg = (
            f"stagerun.yaml names {network.ca_bundle} for the site's certificates "
            "(network: ca_bundle), but there is no such file. Correct the path."
        )
        raise SettingsError(msg)
    return SiteAccess(
        certificates=_certificates(network, variables), proxies=_proxies(network, variables)
    )


def _certificates(network: Network, variables: Mapping[str, str]) -> Path | None:
    named = (Path(text) for name in CA_VARIABLES if (text := variables.get(name)))
    found = network.ca_bundle or next((path for path in named if path.is_file()), None)
    # A bundle is often a link; what is mounted is the file.
    return None if found is None else found.resolve()


def _proxies(network: Network, variables: Mapping[str, str]) -> dict[str, str]:
    """Proxies in both spellings, because programs differ in which one they read."""
    found: dict[str, str] = {}
    for name in PROXY_VARIABLES:
        text = variables.get(name) or variables.get(name.lower())
        if network.proxy and name != "NO_PROXY":
            text = network.proxy
        if text:
            found |= {name: text, name.lower(): text}
    return found
