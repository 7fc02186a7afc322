"""What is said of a build that failed."""

from runner.errors import BuildError, DiskFullError
from runner.host.buildkit import BuildFailure
from runner.host.image_build import build_error
from runner.host.site import Site

IMAGE = "stagerun/parent-tool:current"
STEP = "RUN /run/steps/apt-install hello"


def told(problem: str, *lines: str) -> Exception:
    return build_error(IMAGE, BuildFailure(problem=problem, step=STEP, last_lines=lines), Site())


def test_a_network_that_fails_in_the_middle_is_told_with_the_step_and_how_to_go_on() -> None:
    found = told("process did not complete: exit code: 100", "E: Unable to fetch some archives")
    assert isinstance(found, BuildError)
    assert found.exit_code == 5
    assert "a step ended with exit code 100" in str(found)
    assert STEP in str(found)
    assert "    E: Unable to fetch some archives" in str(found)
    assert "The same command goes on from here" in str(found)


def test_a_full_disk_is_told_as_one_wherever_the_engine_or_the_step_says_so() -> None:
    for found in (
        told("write /var/lib: no space left on device"),
        told("exit code: 1", "cp: error writing 'x': No space left on device"),
    ):
        assert isinstance(found, DiskFullError)
        assert found.exit_code == 9
        assert "stagerun clean" in str(found)
