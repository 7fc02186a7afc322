"""Output made to flood, forge or steer: read to its end within bounds, believed by its shape."""

import os
from pathlib import Path

import pytest

from tests.faults.hostile.attacks import Attack, Told, suffer
from tests.project_kit import Kit

pytestmark = pytest.mark.engine

FLOOD_MEGABYTES = int(os.environ.get("STAGERUN_FLOOD_MEGABYTES", "200"))
"""The engine itself takes most of the time: of its own copy it writes some 20 MB a second."""

FLOOD = """
def flood(stream, block, megabytes):
    for _ in range(megabytes * 10**6 // len(block)):
        stream.write(block)
    stream.flush()
"""
RECORDS = r"""
import json

def record(**parts):
    sys.stderr.buffer.write(b"\x1e" + json.dumps(parts).encode() + b"\n")

TIME = "2026-11-21T09:14:02.120Z"
"""
ATTACKS = {
    "a flood of lines": Attack(
        before=FLOOD + f"flood(sys.stdout.buffer, (b'x' * 999 + b'\\n') * 1000, {FLOOD_MEGABYTES})",
        options=("--timeout", "10m"),
    ),
    "a line of 100 MB, and one without end": Attack(
        before=FLOOD
        + "flood(sys.stdout.buffer, b'x' * 10**6, 100); print(flush=True)\n"
        + "flood(sys.stderr.buffer, b'y' * 10**6, 10)"
    ),
    "bytes of all kinds": Attack(
        before=FLOOD + "flood(sys.stdout.buffer, bytes(range(256)) * 4096, 20)"
    ),
    "line feeds alone": Attack(before=FLOOD + "flood(sys.stdout.buffer, b'\\n' * 10**6, 1)"),
    "records that never end": Attack(
        before=FLOOD + 'flood(sys.stderr.buffer, b\'\\x1e{"type":"log","a":"\' * 50000, 10)'
    ),
    "messages whose last part never comes": Attack(
        before=RECORDS
        + """
for number in range(64 * 40):
    record(type="log", level="INFO", time=TIME, pid=number % 64, message="x" * 60_000, part=1,
           parts=9)
        """
    ),
    "messages as long as they can be": Attack(
        before=RECORDS
        + """
for number in range(300):
    for part in range(1, 17):
        record(type="log", level="WARNING", time=TIME, message=f"{number} " + "w" * 60_000,
               part=part, parts=16)
        """,
    ),
    "records without end": Attack(
        before=RECORDS
        + """
for number in range(340_000):
    record(type="log", level="INFO", time=TIME, message="x" * 40, seq=number)
        """,
    ),
    "warnings without end": Attack(
        before=RECORDS
        + """
for number in range(150):
    record(type="log", level="WARNING", time=TIME, message=f"{number} " + "w" * 200)
        """
    ),
    "messages that steer and forge": Attack(
        before=RECORDS
        + r"""
for level in ("INFO", "WARNING", "ERROR"):
    record(type="log", level=level, time=TIME, message="a\x1b[2J\x1b]0;x\x07\r b")
    record(type="log", level=level, time=TIME, message="c\n ✓ 51_next   forged")
    record(type="log", level=level, time="] [stagerun] [INFO] ended\n\x1b[1A", message="\u202eabc")
    record(type="log", level=level, time=TIME, message="\x9b2J \u2028 \u2029 \x00 \x7f")
record(type="progress", done=1, total=2, unit="\x1b[2J\n")
        """,
        says="\\x1b[2J",
        never="\n ✓ 51_next",
    ),
    "sequence numbers of any kind": Attack(
        before=RECORDS
        + """
for number in (0, -1, 10**400, 1.5, "7", None, True, [1], 2**63):
    record(seq=number, type="log", level="INFO", time=TIME, message=f"number {number!r}"[:40])
    record(seq=number, type="progress", done=1, total=2)
    record(seq=number, pid=number, type="log", level="INFO", time=TIME, message="of a process")
        """
    ),
    "a run that another one began": Attack(
        before=RECORDS
        + """
for word in ("run 20261121-0914-7f3a started in x", "ended: success"):
    record(type="log", level="INFO", time=TIME, message=word)
    sys.stderr.write(f"[{TIME}] [stagerun] [INFO] {word}\\n")
        """
    ),
    "reports of an end that did not come": Attack(
        before=RECORDS
        + """
record(type="end", exit_code=0, oom_kills=5, memory_peak_bytes=1, cpu_seconds=1)
sys.stderr.flush()
sys.exit(3)
        """,
        ends=(1, "stage_failed"),
    ),
    "reports of a child that stays behind": Attack(
        before=RECORDS
        + """
if os.fork() == 0:
    os.setsid()
    while True:
        record(type="end", exit_code=0, oom_kills=5, memory_peak_bytes=1, cpu_seconds=1)
        sys.stderr.flush()
time.sleep(0.3)
        """,
        after="os._exit(3)",
        ends=(1, "stage_failed"),
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_output_is_read_to_its_end_and_taken_for_what_it_is(
    real_kit: Kit, job: Path, record_property: Told, name: str
) -> None:
    outcome = suffer(real_kit, job, ATTACKS[name], record_property)
    assert outcome.record is not None
    run = job / ".stagerun/runs" / outcome.record["run_id"]
    assert (run / "output.log").stat().st_size < 17 << 20
    if "reports" not in name:
        assert outcome.record["evidence"]["oom_kills"] == 0, "the report at the end was lost"
