"""Times stagerun against ``docker run`` and bare ffmpeg, and writes benchmarks/results.md.

    python -m benchmarks.bench [--rounds N]

Everything happens in a folder below out/, which is removed at the end. It takes about ten minutes
and 2 GB.
"""

import argparse
import shutil
import sys
from pathlib import Path
from typing import Final

from benchmarks.films import film_commands, long_film
from benchmarks.machine import machine_line
from benchmarks.projects import ten_stages, trivial_stage
from benchmarks.series import Row, time_series
from runner.host.engine import DockerEngine

ROOT: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = ROOT / "benchmarks" / "results.md"
ROUNDS: Final = 12
FILM_SECONDS: Final = (600, 7200)


def main() -> int:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    folder = ROOT / "out" / "bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        sections = [
            ("A trivial stage, once", time_series(trivial_stage(folder), rounds)),
            ("Ten stages with nothing to do", time_series(ten_stages(folder), rounds)),
        ]
        for seconds in FILM_SECONDS:
            film = long_film(folder, seconds)
            for stage, commands in film_commands(folder, film).items():
                title = f"{stage} of {seconds // 60} minutes ({film.stat().st_size / 1e6:.0f} MB)"
                sections.append((title, time_series(commands, rounds)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = report(sections)
    RESULTS.write_text(text, encoding="utf-8")
    print(text)
    return 0


def report(sections: list[tuple[str, list[Row]]]) -> str:
    """The page of results."""
    facts = DockerEngine().facts()
    lines = [
        "# Benchmark",
        "",
        f"{machine_line(facts)}, {facts.storage}, cgroup v{facts.cgroup_version}. "
        "Written by `make bench`.",
        "",
        "The first row of each table is the measure; `ratio` is the median over rounds of a row's "
        "time by the measure's in the same round. CPU and memory are those of the command's own "
        "process, not of the engine.",
    ]
    for title, rows in sections:
        lines += ["", f"## {title}", "", "| command | s | ratio | CPU s | peak MB | n |"]
        lines += ["| --- | --- | --- | --- | --- | --- |"]
        lines += [
            f"| {row.name} | {row.seconds:.3f} | {row.ratio:.2f} | {row.cpu_seconds:.3f} "
            f"| {row.memory_peak_bytes / 1e6:.0f} | {row.rounds} |"
            for row in rows
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
