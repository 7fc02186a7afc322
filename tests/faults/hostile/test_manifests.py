"""Manifests made to exhaust, mislead or forge: read within bounds, and judged by what they are."""

import textwrap
from pathlib import Path

import pytest

from tests.faults.hostile.attacks import Attack, Told, suffer
from tests.project_kit import Kit

pytestmark = pytest.mark.engine

CHANGED = """
import json
place = folder / "manifest.json"
document = json.loads(place.read_text())
{change}
place.write_text(json.dumps(document))
"""
REFUSED = (3, "contract_violation")


def changed(change: str) -> str:
    return CHANGED.format(change=textwrap.dedent(change))


def raw(text: str) -> str:
    return f"(folder / 'manifest.json').write_bytes({text})"


ATTACKS = {
    "10 GB of nothing": Attack(
        after="os.truncate(folder / 'manifest.json', 10 * 10**9)",
        says="manifest.json is 10",
        ends=REFUSED,
    ),
    "as many values as fit": Attack(
        after=changed("document['config'] = [[]] * 900_000"), says="values", ends=REFUSED
    ),
    "as many objects as fit": Attack(
        after=changed("document['intermediate_files'] = [{'path': ''}] * 99_000"),
    ),
    "as many errors as fit": Attack(
        after=changed("document['errors'] = [{'message': ''}] * 99_000"),
    ),
    "the widest text that fits": Attack(
        after=raw(
            "(folder / 'manifest.json').read_bytes().rstrip()[:-1] + b',\"x\":\"'"
            " + b'x' * 4_190_000 + '😀'.encode() + b'\"}'"
        ),
    ),
    "objects that do not fit the schema": Attack(
        after=changed("document['outputs'] = [{}] * 99_000"),
        says="does not fit the schema: outputs.0.type: Field required, and 1 more",
        ends=REFUSED,
    ),
    "nested to the last level": Attack(
        after=changed("document['config'] = json.loads('{\"a\":' * 190 + '1' + '}' * 190)"),
    ),
    "nested deeper": Attack(
        after=changed("document['config'] = json.loads('{\"a\":' * 900 + '1' + '}' * 900)"),
        says="not whole JSON",
        ends=REFUSED,
    ),
    "no number": Attack(
        after=changed("document['config'] = {'a': float('nan'), 'b': float('inf')}"),
        says="not whole JSON",
        ends=REFUSED,
    ),
    "bytes that are no text": Attack(
        after=raw("b'{\"stage\": \"\\xff\\xfe\", ' + (folder / 'manifest.json').read_bytes()[1:]"),
        says="not whole JSON",
        ends=REFUSED,
    ),
    "a key twice, the last one counts": Attack(
        after=raw(
            "(folder / 'manifest.json').read_bytes().rstrip()[:-1] + b',\"status\": \"failed\"}'"
        ),
        ends=(1, "stage_failed"),
    ),
    "words in the place of numbers": Attack(
        after=changed("document['stage_number'] = '50'"),
        says="does not fit the schema: stage_number",
        ends=REFUSED,
    ),
    "another file's size and checksum": Attack(
        after=changed("document['outputs'][0]['checksum'] = 'sha256:' + 'a' * 64"),
        says="tracked with the checksum sha256:aaaa",
        ends=REFUSED,
    ),
    "paths that steer the terminal": Attack(
        after=changed(
            """
            for path in ("50_probe/\\x1b[2J\\x1b]0;mine\\x07", "50_probe/\\u202etxt.exe",
                         "../x\\n ✓ 51_next   0.1 s    1 MB   forged", "50_probe/\\x9b1A"):
                document["outputs"].append({"type": "text", "path": path})
            """
        ),
        says="\\x1b[2J",
        never="\n ✓ 51_next",
        findings=4,
        ends=REFUSED,
    ),
    "a path as long as the manifest": Attack(
        after=changed("document['outputs'] += [{'type': 't', 'path': 'x' * 30_000}] * 130"),
        findings=130,
        ends=REFUSED,
    ),
    "another run, with a line of its own": Attack(
        after=changed("document['run_id'] = 'x\\n ✓ 51_next   forged\\x1b[2J'"),
        says="it was written in the run x\\n ✓ 51_next",
        ends=REFUSED,
    ),
    "a reason without end to be skipped": Attack(
        after=changed(
            """
            document['status'] = 'skipped'
            document['reason'] = 'lacks a\\nkey\\x1b[2J ' * 150_000
            """
        ),
        ends=(0, "skipped"),
    ),
    "a summary and an error that steer": Attack(
        after=changed(
            "document['summary'] = 'well\\x1b[2J\\ndone'; document['warnings'] = ['a\\x1b[2J\\nb']"
        ),
    ),
}


@pytest.mark.parametrize("name", [name for name in ATTACKS if "skipped" not in name])
def test_a_manifest_is_taken_for_what_it_is(
    real_kit: Kit, job: Path, record_property: Told, name: str
) -> None:
    suffer(real_kit, job, ATTACKS[name], record_property)


def test_a_reason_without_end_does_not_swell_the_jobs_manifest(
    real_kit: Kit, job: Path, record_property: Told
) -> None:
    outcome = suffer(
        real_kit, job, ATTACKS["a reason without end to be skipped"], record_property, goes_on=False
    )
    assert len(str(outcome.entry["reason"])) < 1000
    assert (job / "manifest.json").stat().st_size < 10_000


def test_scratch_files_that_cannot_be_do_not_stop_the_cleaning(
    real_kit: Kit, job: Path, record_property: Told
) -> None:
    names = "50_probe/\\0", "50_probe/" + "x" * 300, "50_probe/" + "y/" * 4000
    attack = Attack(
        after=changed(
            f"document['intermediate_files'] = [{{'path': p}} for p in {names!r}]".replace(
                "\\\\", "\\"
            )
        )
    )
    suffer(real_kit, job, attack, record_property)
    cleaned = real_kit.run("clean", job)
    assert cleaned.returncode == 0, cleaned.stderr
