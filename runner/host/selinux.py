"""What SELinux needs, so that a container may read and write what is mounted into it.

Under SELinux a container sees only files with its own label. The engine can give that label to
mounted files, but it would stay on them: on the user's films and models, which other services read.
So the container goes without the label instead; every other wall stays.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

NO_NEW_PRIVILEGES: Final = "no-new-privileges"
WITHOUT_LABEL: Final = "label=disable"
KERNEL: Final = Path("/sys/fs/selinux")


def uses_selinux(engine_options: Iterable[str]) -> bool:
    """Whether an engine confines containers by SELinux, from the ``SecurityOptions`` it reports."""
    return any(option.split(",")[0] == "name=selinux" for option in engine_options)


def security_options(*, selinux: bool) -> list[str]:
    """The security options of every container."""
    return [NO_NEW_PRIVILEGES, *([WITHOUT_LABEL] if selinux else [])]
