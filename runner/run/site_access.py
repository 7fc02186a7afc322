"""What a stage gets beside the site's network: the site's certificates, and the way to its proxy.

A proxy's address may hold a password. It travels in a file of the run alone, see
``private_files``; it is in no environment, label, request or record.
"""

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runner.errors import SettingsError
from runner.host.container import Mount
from runner.job.folder import Job
from runner.project.settings import Network
from runner.run.private_files import kept_file

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

    def mounts(self, private: Callable[[], Path]) -> list[Mount]:
        """The files in the container; ``private`` says where the run's own ones lie."""
        found = []
        if self.certificates:
            found.append(Mount(source=str(self.certificates), target=CERTIFICATES))
        if self.proxies:
            found.append(Mount(source=str(private() / PROXY_FILE), target=PROXY))
        return found

    def files(self) -> dict[str, bytes]:
        """The run's own files: the proxies as lines of a shell."""
        lines = (f"{name}={shlex.quote(text)}\n" for name, text in self.proxies.items())
        return {PROXY_FILE: "".join(lines).encode()} if self.proxies else {}


def kept_proxies(job: Job, run_id: str) -> dict[str, str]:
    """The proxies of a run that is not over, from their file. Raises UnicodeDecodeError."""
    text = (kept_file(job, run_id, PROXY_FILE) or b"").decode()
    found = (line.partition("=") for line in text.splitlines())
    return {name: "".join(shlex.split(value)) for name, _, value in found}


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
