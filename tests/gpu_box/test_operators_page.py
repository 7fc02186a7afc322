"""The operator's page, done on the simulated box as far as a machine without a driver goes."""

import shlex
import signal
from pathlib import Path
from typing import Final

import pytest

from tests.faults.calls import PROBE, read_until, started
from tests.gpu_box.box import UUIDS, GpuBox
from tests.unit.docs_pages import blocks, page

pytestmark = [pytest.mark.docker, pytest.mark.engine, pytest.mark.root]
NOT_HERE: Final = ("build", "models")
"""What a project with one probe stage has no use for; these verbs have tests of their own."""

SETTINGS: Final = """\
workflows: {copy: [50_probe/copy]}
gpu: {ledger: .gpus, learnt: .learnt}
"""


def test_the_page_leads_from_a_fresh_box_to_a_watched_folder(box: GpuBox, tmp_path: Path) -> None:
    box.stage("fake_cuda.allocate(GIB)", "fake_cuda.hold(1.2)", memory=None)
    (box.kit.root / "stagerun.yaml").write_text(SETTINGS)
    film, incoming, figures = tmp_path / "river.txt", tmp_path / "incoming", tmp_path / "figures"
    film.write_text("hello\n")
    for folder in (incoming, figures):
        folder.mkdir()
    ours = {
        "06_asr": PROBE,
        "~/films/river.mkv": str(film),
        "incoming": str(incoming),
        "/var/lib/prometheus/node-exporter": str(figures),
    }
    said = {}
    for block in blocks(page("docs/gpu-box.md")):
        for line in block.text.splitlines():
            words = [ours.get(word, word) for word in shlex.split(line, comments=True)[2:]]
            if not line.startswith("$ ") or words[0] in NOT_HERE or "--watch" in words:
                continue
            ended = box.stagerun(*words, *(["--dev"] if words[0] == "run" else []))
            assert ended.returncode == 0, f"{line}\n{ended.stdout}{ended.stderr}"
            said[words[0]] = ended.stdout

    assert set(said) == {"doctor", "gpus", "run", "why", "status", "metrics"}
    assert UUIDS[3] in said["gpus"]
    assert "took at most 1 GiB" in said["why"]
    assert "peak 1.1 GB" in said["status"]
    assert "stagerun_gpu_memory_total_bytes{" in (figures / "stagerun.prom").read_text()

    (incoming / "lake.txt").write_text("hello\n")
    watch = ("run", "--watch", incoming, "--only", "*.txt", "--settle", "1s", "--dev")
    with started(box.kit, *watch, **box.environment) as process:
        read_until(process, "→ out/lake")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert (box.kit.root / "out/lake/50_probe/copy.txt").is_file()
