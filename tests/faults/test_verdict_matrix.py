"""Every way in which a container can end by itself: its verdict, exit code and evidence."""

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from runner.errors import Verdict
from runner.run.overview import cause
from tests.faults.calls import misbehave
from tests.project_kit import Kit

pytestmark = pytest.mark.engine

EXIT_CODES: Final = (1, 2, 3, 4, 5, 11, 64, 77, 100, 124, 125, 126, 127, 128, 137, 143, 192, 254)
SIGNALS: Final = (
    *("SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE"),
    *("SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGXCPU"),
    *("SIGSYS", "SIGRTMIN"),
)
DIE: Final = """
import resource
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
if signal.{name} != signal.SIGKILL:
    signal.signal(signal.{name}, signal.SIG_DFL)
os.kill(os.getpid(), signal.{name})
time.sleep(60)
"""
GLUTTON: Final = "import ctypes; held = bytearray(10**9)"
CHILD_OUT_OF_MEMORY: Final = f"subprocess.run([sys.executable, '-c', {GLUTTON!r}])"
FILL: Final = """
def fill(path):
    with open(path, "wb") as file:
        while True:
            file.write(bytes(1 << 20))
"""
SMALL: Final = ("--memory", "48MiB")
BEGUN: Final = "4s"
"""A time limit before which the stage's code is sure to run, also on a machine with much to do."""


@dataclass(frozen=True)
class Row:
    """What a stage does, and what must be found out about it."""

    name: str
    does: str
    code: int
    verdict: str
    evidence: str
    then: str = ""
    options: tuple[str, ...] = ()
    says: str = ""


ROWS: Final = (
    Row("success", "", 0, "success", "exit code 0"),
    Row("256 wraps", "os._exit(256)", 3, "contract_violation", "manifest: running"),
    Row("255", "os._exit(-1)", 1, "stage_failed", "exit code 255"),
    Row("uncaught", "raise KeyError('tempo')", 1, "stage_failed", "exit code 1", says="tempo"),
    Row("no program", "os.execv('/nowhere', ['x'])", 1, "stage_failed", "exit code 1"),
    Row("memory", "held = bytearray(10**9)", 7, "oom_memory", "exit code 137", options=SMALL),
    Row(
        "memory of a child, survived",
        CHILD_OUT_OF_MEMORY,
        *(0, "success", "kills counted inside 1"),
        options=SMALL,
        says="was killed for memory",
    ),
    Row(
        "memory of a child, then exit 3",
        f"{CHILD_OUT_OF_MEMORY}; sys.exit(3)",
        *(7, "oom_memory", "exit code 3"),
        options=SMALL,
    ),
    Row(
        "memory of a child, told as failed",
        f"{CHILD_OUT_OF_MEMORY}; io.finalize(status='failed', reason='so'); sys.exit(0)",
        *(7, "oom_memory", "manifest: failed"),
        options=SMALL,
    ),
    Row(
        "memory in /dev/shm",
        f"{FILL}\nfill('/dev/shm/x')",
        *(7, "oom_memory", "exit code 137"),
        options=SMALL,
    ),
    Row(
        "an error that only sounds like it",
        "raise MemoryError('out of memory')",
        *(1, "stage_failed", "kills counted inside 0"),
    ),
    Row(
        "/tmp full",
        f"{FILL}\nfill('/tmp/x')",
        *(9, "disk_full", "exit code 1"),
        options=("--tmp", "4MiB"),
        says="--tmp",
    ),
    Row(
        "/tmp full, survived",
        f"{FILL}\ntry: fill('/tmp/x')\nexcept OSError: Path('/tmp/x').unlink()",
        *(0, "success", "exit code 0"),
        options=("--tmp", "4MiB"),
    ),
    Row(
        "time",
        "time.sleep(60)",
        *(8, "timeout", "stopped: timeout"),
        options=("--timeout", "1s"),
    ),
    Row(
        "time, deaf to TERM",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
        *(8, "timeout", "exit code 137"),
        options=("--timeout", BEGUN),
    ),
    Row(
        "time, success on TERM",
        "signal.signal(signal.SIGTERM, lambda *_: (io.finalize(status='success'), os._exit(0)))"
        "\ntime.sleep(60)",
        *(8, "timeout", "exit code 0"),
        options=("--timeout", BEGUN),
    ),
    Row("success, exit 1", "", 1, "stage_failed", "manifest: success", then="sys.exit(1)"),
    Row(
        "success, killed",
        "",
        *(1, "stage_failed", "manifest: success"),
        then="os.kill(os.getpid(), signal.SIGKILL)",
    ),
    Row(
        "failed, exit 0",
        "io.finalize(status='failed', reason='so'); os._exit(0)",
        *(1, "stage_failed", "manifest: failed"),
    ),
    Row(
        "skipped, exit 0",
        "io.finalize(status='skipped', reason='so'); os._exit(0)",
        *(0, "skipped", "manifest: skipped"),
    ),
    Row(
        "no manifest",
        "",
        *(3, "contract_violation", "exit code 0"),
        then="(folder / 'manifest.json').unlink()",
    ),
    Row(
        "output gone",
        "",
        *(3, "contract_violation", "manifest: success"),
        then="(folder / 'copy.txt').unlink()",
    ),
    Row(
        "output changed after its digest",
        "",
        *(3, "contract_violation", "manifest: success"),
        then="(folder / 'copy.txt').write_text('other')",
    ),
)


def _rows() -> list[Row]:
    codes = [
        Row(f"exit {code}", f"os._exit({code})", 1, "stage_failed", f"exit code {code}")
        for code in EXIT_CODES
    ]
    signals = [
        Row(
            name,
            DIE.format(name=name),
            1,
            "stage_failed",
            f"exit code {128 + signal.Signals[name]}",
        )
        for name in SIGNALS
    ]
    return [*codes, *signals, *ROWS]


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row.name)
def test_the_verdict_and_its_evidence_are_those_of_what_happened(
    real_kit: Kit, job: Path, row: Row
) -> None:
    outcome = misbehave(real_kit, job, row.does, row.then, *row.options)
    why = real_kit.run("why", "50_probe", job, "--verbose")

    assert (outcome.code, outcome.verdict) == (row.code, row.verdict), outcome.text
    assert row.says in outcome.text
    evidence = "\n".join(line for line in why.stdout.splitlines() if "evidence:" in line)
    assert row.evidence in evidence, why.stdout + why.stderr
    assert cause(Verdict(row.verdict)) in why.stdout
