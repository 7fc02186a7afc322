"""A Debian root file system made on this machine, where no registry can be reached.

mmdebstrap makes it from the host's own package sources. A host without mmdebstrap gets it unpacked
into the user's cache folder; nothing is installed on the host.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from runner.errors import BuildError
from runner.host.apt_sources import one_line_format
from runner.host.buildkit import LAST_LINES
from runner.host.engine_errors import translated
from runner.host.site import CA_BUNDLES, Site

if TYPE_CHECKING:
    import docker

PACKAGES: Final = ("ca-certificates", "python3")
"""Put in from the start: one run of apt less for the base image."""

LEFT_OUT: Final = ("man", "locale", "info", "lintian")
SITE_TRACES: Final = (
    "etc/apt/sources.list", "etc/apt/apt.conf.d/99mmdebstrap", "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
     "etc/apt/auth.conf.d/stagerun.conf",
    "etc/resolv.conf", "etc/hostname",
)  # fmt: skip
READ_BYTES: Final = 1024 * 1024


def bootstrap(
    api: "docker.APIClient",
    image: str,
    release: str,
    *,
    site: Site,
    cache: Path,
    labels: dict[str, str],
    on_line: Callable[[str], None],
) -> None:
    """Make the root file system of a release and import it as ``image``.

    Raises BuildError with the last lines of mmdebstrap, or with what has to be installed.
    """
    if not site.sources:
        msg = (
            "a base image cannot be made here: no registry answers, and /etc/apt names no package "
            f"sources of Debian. Load the images from a machine that has them, or make one of "
            f"both reachable; base: registry in stagerun.yaml needs debian:{release}-slim."
        )
        raise BuildError(msg)
    repository, _, tag = image.partition(":")
    raw: Any = api  # streams of unknown length are not in the SDK's public import
    with _mmdebstrap(release, site, cache, on_line) as stream, translated(str(api.base_url)):
        response = raw._post(
            raw._url("/images/create"),
            params={
                "fromSrc": "-",
                "changes": [f'LABEL {key}="{value}"' for key, value in labels.items()],
            },
            data=stream,
            headers={"Content-Type": "application/x-tar"},
            timeout=None,
        )
        raw._raise_for_status(response)
        # Named only now: Podman before 5 takes no tag while it imports.
        api.tag(json.loads(response.text.splitlines()[-1])["status"], repository, tag)


@contextlib.contextmanager
def _mmdebstrap(
    release: str, site: Site, cache: Path, on_line: Callable[[str], None]
) -> Iterator[Iterator[bytes]]:
    """The root file system as a tar stream, which raises BuildError if it cannot be completed."""
    program = find_mmdebstrap(cache, on_line)
    with tempfile.TemporaryDirectory(prefix="stagerun-") as folder:
        process = subprocess.Popen(
            [*program, *_arguments(program, site, release, Path(folder))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(site, program),
        )
        try:
            _tell_sources(process, site, Path(folder))
            yield _checked(process, site, on_line)
        finally:
            if process.poll() is None:
                # mmdebstrap unmounts and removes its work on TERM; nothing else does that.
                process.terminate()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


def _tell_sources(process: subprocess.Popen[bytes], site: Site, folder: Path) -> None:
    if process.stdin is not None:
        text = one_line_format(site.sources, lambda key: host_key(key, folder))
        # A program that ended at once is reported by its exit code.
        with contextlib.suppress(BrokenPipeError), process.stdin as stream:
            stream.write(text.encode())


def _checked(
    process: subprocess.Popen[bytes], site: Site, on_line: Callable[[str], None]
) -> Iterator[bytes]:
    assert process.stdout is not None  # both were asked for as pipes
    assert process.stderr is not None
    tail: deque[str] = deque(maxlen=LAST_LINES)

    def listen(stream: IO[bytes]) -> None:
        for raw in stream:
            line = site.redact(raw.decode(errors="replace").rpartition("\r")[2].strip())
            tail.append(line)
            on_line(line)

    listener = threading.Thread(target=listen, args=(process.stderr,), daemon=True)
    listener.start()
    while block := process.stdout.read(READ_BYTES):
        yield block
    code = process.wait()
    listener.join()
    if code:
        lines = "\n".join(f"    {line}" for line in tail)
        msg = (
            f"mmdebstrap could not make a Debian root file system (exit code {code}); its last "
            f"lines:\n{lines}\n{_advice(tail)}"
        )
        raise BuildError(msg)


def _advice(lines: Iterable[str]) -> str:
    if any("chroot mode" in line for line in lines):
        return (
            "You may not make a root file system as this user: run stagerun build once as root, or "
            "let your user have user namespaces (sudo apt-get install --yes uidmap)."
        )
    return "Check the package sources in /etc/apt, or set base: registry in stagerun.yaml."


def _arguments(program: list[str], site: Site, release: str, folder: Path) -> list[str]:
    """mmdebstrap's arguments. Sources and passwords are not among them: all may read those."""
    arguments = [
        "--variant=apt",
        "--format=tar",
        '--aptopt=Acquire::Languages "none"',
        f"--include={','.join(PACKAGES)}",
        "--dpkgopt=force-unsafe-io",
    ]
    # Folders in /usr from the start; else a package that needs perl moves them there later.
    merged = Path(program[-1]).parents[1] / "share/mmdebstrap/hooks/maybe-merged-usr"
    if merged.is_dir():
        arguments.append(f"--hook-dir={merged}")
    options = {key: value for key, value in site.apt_options.items() if "proxy" not in key.lower()}
    bundle = next((Path("/", name) for name in CA_BUNDLES if Path("/", name).is_file()), None)
    if bundle is not None:
        options["Acquire::https::CaInfo"] = str(bundle)
    arguments += [f'--aptopt={key} "{value}"' for key, value in sorted(options.items())]
    if site.passwords:
        passwords = folder / "stagerun.conf"
        passwords.touch(mode=0o600)
        passwords.write_text(site.passwords)
        arguments.append(f"--setup-hook=copy-in {passwords} /etc/apt/auth.conf.d")
    traces = " ".join(f'"$1"/{name}' for name in SITE_TRACES)
    # Not by dpkg's path-exclude: for that mmdebstrap filters every package, which takes longer.
    unread = " ".join(f'"$1"/usr/share/{name}/*' for name in LEFT_OUT)
    documents = 'find "$1"/usr/share/doc -mindepth 2 ! -name copyright ! -type d -delete'
    arguments.append(f"--customize-hook=rm -f {traces}; rm -rf {unread}; {documents}")
    return [*arguments, release, "-", "-"]


def host_key(signed_by: str, folder: Path) -> str:
    """The path of a source's key on this machine; a key that stood in the source gets a file."""
    if "BEGIN PGP" not in signed_by:
        return signed_by
    path = folder / f"{hashlib.sha256(signed_by.encode()).hexdigest()}.asc"
    path.write_text(signed_by.lstrip() + "\n")
    return str(path)


def _environment(site: Site, program: list[str]) -> dict[str, str]:
    """This process's environment with the proxies that apt uses here."""
    proxies = {
        f"{match[1].lower()}_proxy": value
        for key, value in site.apt_options.items()
        if (match := re.fullmatch(r"Acquire::(https?|ftp)::Proxy", key, re.IGNORECASE))
    }
    beside = Path(program[-1]).parent
    return {**os.environ, **proxies, "PATH": f"{beside}:{os.environ.get('PATH', os.defpath)}"}


def find_mmdebstrap(cache: Path, on_line: Callable[[str], None]) -> list[str]:
    """The command that starts mmdebstrap: the host's, or one unpacked into ``cache``.

    Raises BuildError with the command that installs it where it cannot be fetched.
    """
    if installed := shutil.which("mmdebstrap"):
        return [installed]
    unpacked = cache / "mmdebstrap"
    program = unpacked / "usr/bin/mmdebstrap"
    if not program.is_file():
        on_line("fetching mmdebstrap, which this machine has not installed")
        _fetch(unpacked)
    return ["perl", str(program)]


def _fetch(unpacked: Path) -> None:
    """Unpack Debian's mmdebstrap as a whole or not at all."""
    unpacked.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mmdebstrap-", dir=unpacked.parent) as folder:
        # apt fetches as a user of its own, who has to be let in.
        Path(folder).chmod(0o755)
        try:
            _quietly(["apt-get", "download", "mmdebstrap"], folder)
            package = next(Path(folder).glob("mmdebstrap_*.deb"))
            _quietly(["dpkg-deb", "-x", str(package), "unpacked"], folder)
        except (OSError, subprocess.CalledProcessError, StopIteration) as problem:
            detail = getattr(problem, "stderr", "") or str(problem)
            msg = (
                "no registry answers, so the base image has to be made here, which needs "
                f"mmdebstrap; fetching it failed: {detail.strip()}. Install it: "
                "sudo apt-get update && sudo apt-get install --yes mmdebstrap"
            )
            raise BuildError(msg) from problem
        with contextlib.suppress(FileExistsError):
            (Path(folder) / "unpacked").rename(unpacked)


def _quietly(command: list[str], folder: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
