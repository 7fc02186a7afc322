"""A stage with the site's network in a real container: certificates, proxy, no password left."""

from pathlib import Path

import pytest

from tests.faults.calls import call, program
from tests.project_kit import STAGE_YAML, Kit

pytestmark = pytest.mark.engine

PASSWORD = "pr0xyPassw0rd"
LOOKS = program(
    """
    text = Path(os.environ["SSL_CERT_FILE"]).read_text()
    assert os.environ["REQUESTS_CA_BUNDLE"] == os.environ["SSL_CERT_FILE"]
    read = subprocess.run(
        ["sh", "-c", ". /run/site/proxy.env; printf %s \\"$HTTPS_PROXY\\""],
        capture_output=True, text=True, check=True,
    )
    assert "PASSWORD" not in repr(os.environ)
    for path in Path("/run/site").iterdir():
        try:
            path.open("a")
        except OSError:
            continue
        sys.exit(f"{path} can be written")
    (folder / "copy.txt").write_text(text + " " + str(len(read.stdout)))
    print("I was given", read.stdout, flush=True)
    """.replace("PASSWORD", PASSWORD)
)


def test_a_stage_reads_what_the_site_gives_and_the_password_stays_nowhere(
    real_kit: Kit, tmp_path: Path
) -> None:
    proxy = f"http://me:{PASSWORD}@proxy.example:3128"
    (tmp_path / "ca.crt").write_text("certificates")
    real_kit.settings(f"network: {{ca_bundle: {tmp_path}/ca.crt, proxy: '{proxy}'}}\n")
    real_kit.spec("50_probe", STAGE_YAML.format(source="input/text") + "network: site\n")
    real_kit.code("50_probe", LOOKS)
    job = real_kit.job()

    outcome = call(real_kit, job)

    assert outcome.verdict == "success", outcome.text
    assert (job / "50_probe/copy.txt").read_text() == f"certificates {len(proxy)}"
    assert PASSWORD not in outcome.text
    (log,) = job.glob(".stagerun/runs/*/output.log")
    assert "I was given http://me:***@proxy.example:3128" in log.read_text()
    files = [path for path in job.rglob("*") if path.is_file()]
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []
