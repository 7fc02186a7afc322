"""The figures of the ledger in docs/gpu.md: all are measured, none is typed."""

import os
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from tests.project_kit import ROOT
from tests.soak.page import END, runner_sources, table_line

if TYPE_CHECKING:
    from tests.soak.gpu_ledger import Found

PAGE: Final = ROOT / "docs" / "gpu.md"
BEGIN: Final = "<!-- written by make gpu-ledger -->\n"
GIB: Final = 1 << 30


def add_to_page(found: "Found") -> None:
    """Put the figures into the page in place of earlier ones."""
    head = (
        f"Written by `make gpu-ledger`: runner {runner_sources()}, {datetime.now(UTC):%Y-%m-%d}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, seed {found.seed}."
    )
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_figures(text, found, head), encoding="utf-8")


def with_figures(text: str, found: "Found", head: str) -> str:
    """The page with these figures."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    told = found.told
    limit, most = max(told.limits.values()) / GIB, max(told.most.values()) / GIB
    rows = [
        ("what", "figure"),
        ("---", "---"),
        ("processes at once", f"{found.processes}"),
        ("reservations that were granted", f"{told.granted} in {found.seconds:.0f} s"),
        *((f"processes killed when {moment}", f"{n}") for moment, n in sorted(told.killed.items())),
        ("processes stopped for up to a second", f"{found.stops}"),
        ("grants beyond a GPU's memory, or beside one that has it alone", f"{len(told.wrong)}"),
        ("most that was granted of a GPU at once", f"{most:g} GiB of {limit:g} GiB"),
        ("reservations left at the end", f"{len(found.left)}"),
        ("longest wait of one that was not killed", "{:.1f} s, for {}".format(*found.longest)),
        ("reserving when all is free: median (99th percentile)", found.alone.text),
        ("the same beside 200 files that are not ours to remove", found.beside_stale.text),
    ]
    table = "\n".join(map(table_line, rows))
    return f"{before}{BEGIN}{head}\n\n{table}\n{END}{after}"
