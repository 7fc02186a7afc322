"""What a stage logged is in its own log and, from INFO on, in the pipeline log, come what may."""

import hashlib
import re
from pathlib import Path

import pytest

from tests.faults.calls import call, program
from tests.project_kit import Kit

pytestmark = pytest.mark.engine

LINE = re.compile(r"\[(?P<time>[^]]+)\] \[[^]]+\] \[(?P<level>\w+)\] ")
TALK = """
logger = io.get_stage_logger()
for number in range(300):
    logger.info("line %d", number)
    logger.debug("beneath %d", number)
    print("raw", number, flush=True)
logger.warning("several\\nlines\\n  of a message")
logger.error("x" * 20000)
logger.info("é€😀")
"""
MID_LINE = """
sys.stderr.buffer.write(b'\\x1e{"seq":9999,"type":"log","level":"INFO","mess')
sys.stderr.buffer.flush()
os._exit(3)
"""
KILLED = "os.kill(os.getpid(), signal.SIGKILL)"


def entries(path: Path) -> list[str]:
    """The entries from INFO on, without their times' and sources' spelling."""
    found: list[str] = []
    for line in path.read_text().splitlines():
        if head := LINE.match(line):
            found.append(f"{head['level']} {line[head.end() :]}")
        else:
            found[-1] += f"\n{line.strip()}"
    return [entry for entry in found if not entry.startswith("DEBUG")]


@pytest.mark.parametrize("end", ["", MID_LINE, KILLED], ids=["well", "mid-line", "killed"])
def test_the_pipeline_log_lacks_nothing_of_the_stages_own(
    real_kit: Kit, job: Path, end: str
) -> None:
    before = set((job / "logs").iterdir())
    real_kit.code("50_probe", program(TALK + end))
    outcome = call(real_kit, job, "--force")
    own = job / "50_probe/stage.log"
    [pipeline] = set((job / "logs").iterdir()) - before
    told, wanted = entries(pipeline), entries(own)
    assert [entry for entry in told if entry in set(wanted)] == wanted
    assert outcome.record is not None
    data = own.read_bytes()
    assert outcome.record["stage_log"] == {
        "size_bytes": len(data),
        "checksum": f"sha256:{hashlib.sha256(data).hexdigest()}",
    }
