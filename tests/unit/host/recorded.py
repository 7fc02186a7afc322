"""Unpacks what was recorded of ``/proc`` and ``/sys`` on three kinds of machines.

``cgroup_v1`` has its controllers in hierarchies of their own, ``cgroup_hybrid`` an empty v2
hierarchy beside them, ``cgroup_v2`` everything in one. The container's first process is 8465, its
second 8497; it holds 52912128 bytes, of which 9125888 are file cache.
"""

import re
from pathlib import Path
from typing import Final

DATA: Final = Path(__file__).with_name("data")
FIRST: Final = 8465
SECOND: Final = 8497
V1: Final = "cgroup_v1"
HYBRID: Final = "cgroup_hybrid"
V2: Final = "cgroup_v2"


def unpack(recording: str, root: Path) -> Path:
    """Write the files of a recording below ``root`` and return it."""
    text = (DATA / f"{recording}.txt").read_text(encoding="utf-8")
    parts = re.split(r"^==> /(.*) <==\n", text, flags=re.MULTILINE)[1:]
    for name, content in zip(parts[::2], parts[1::2], strict=True):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return root


def find(root: Path, name: str) -> Path:
    """The one file of that name below the container's control groups."""
    (path,) = (root / "sys/fs/cgroup").rglob(name)
    return path
