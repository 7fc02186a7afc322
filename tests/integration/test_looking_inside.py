"""``--shell`` and ``--keep``: looking into the container of a stage, on a real engine."""

import itertools
import re
import shlex
import signal
import subprocess
import termios
from pathlib import Path

import pytest

from runner.host.engine import DockerEngine
from tests.project_kit import Kit
from tests.terminal import Terminal, on_terminal

pytestmark = pytest.mark.engine

MOVES = re.compile(r"\x1b\[[?0-9;]*[a-z]")
PROMPT = "50_probe:/$ "
NUMBERS = itertools.count()
FAILING = """\
import sys
print("it went wrong", flush=True)
sys.exit(3)
"""


def containers(engine: DockerEngine, job: Path) -> int:
    return len(engine.containers({"org.stagerun.job": str(job)}))


def ask(terminal: Terminal, command: str) -> str:
    """Type a command; what it prints."""
    number, before = next(NUMBERS), len(terminal.text)
    typed, printed = f"'<end' {number}'>'", f"<end {number}>"
    terminal.type(f"{command}; echo {typed}\n")
    terminal.read(lambda text: printed in text[before:])
    shown = terminal.text[before:].rpartition(printed)[0].rpartition(typed)[2]
    return MOVES.sub("", shown).replace("\r", "").removeprefix("\n")


def leave(terminal: Terminal) -> str:
    terminal.type("exit\n")
    text = terminal.read()
    assert terminal.process.wait(30) == 0, text
    return text


def everything(job: Path) -> dict[str, bytes]:
    """All files of a job but the logs of calls and the locks."""
    return {
        str(path.relative_to(job)): path.read_bytes() if path.is_file() else b""
        for path in sorted(job.rglob("*"))
        if not path.is_relative_to(job / ".stagerun/locks")
    }


def test_a_prompt_is_in_the_container_of_a_run_and_leaves_all_as_it_was(
    real_kit: Kit, engine: DockerEngine
) -> None:
    job = real_kit.job()
    assert real_kit.run("probe", job).returncode == 0
    before = everything(job)
    with on_terminal(real_kit, "probe", "out/job", "--shell", keyboard=True) as terminal:
        settings = termios.tcgetattr(terminal.master)
        text = terminal.read(lambda text: PROMPT in text)
        assert "python3 /app/50_probe/stage.py" in text
        assert ask(terminal, "stty size") == "24 100\n"
        terminal.resize(40, 120)
        assert ask(terminal, "sleep 0.3; stty size") == "40 120\n"
        assert ask(terminal, "touch /job/mine /mine 2>&1 | grep -c Read-only") == "2\n"
        assert ask(terminal, "cat /job/input/text.txt") == "hello\n"
        assert ask(terminal, "ls /job/50_probe") == ""
        ran = ask(terminal, "python3 /app/50_probe/stage.py; echo code $?")
        assert "[INFO] copied\ncode 0\n" in ran
        assert "\x1e" not in ran
        assert ask(terminal, "cat /job/50_probe/copy.txt") == "hello\n"
        busy = real_kit.run("probe", "out/job", "--force")
        assert busy.returncode == 11, busy.stdout
        leave(terminal)
        assert termios.tcgetattr(terminal.master) == settings
    assert {path: text for path, text in everything(job).items() if "logs/" not in path} == {
        path: text for path, text in before.items() if "logs/" not in path
    }
    assert containers(engine, job) == 0
    assert "cached" in real_kit.run("probe", "out/job").stdout


def test_a_prompt_has_the_limits_and_the_user_of_a_run(real_kit: Kit, engine: DockerEngine) -> None:
    job = real_kit.job()
    with on_terminal(
        real_kit, "probe", "out/job", "--shell", "--memory", "64MiB", keyboard=True
    ) as terminal:
        terminal.read(lambda text: PROMPT in text)
        (container,) = engine.containers({"org.stagerun.job": str(job)})
        found = engine.api.inspect_container(container.id)
        assert ask(terminal, "grep CapEff /proc/self/status") == "CapEff:\t0000000000000000\n"
        assert ask(terminal, "grep NoNewPrivs /proc/self/status") == "NoNewPrivs:\t1\n"
        leave(terminal)
    host = found["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (64 << 20, 64 << 20, 64)
    assert (host["ReadonlyRootfs"], host["NetworkMode"]) == (True, "none")
    assert found["Config"]["User"] == engine.user(*job.stat()[4:6])


def test_with_dev_a_prompt_has_the_code_as_it_is_now(real_kit: Kit) -> None:
    real_kit.job()
    real_kit.code("50_probe", "print('changed')")
    command = ("probe", "out/job", "--shell", "--dev")
    with on_terminal(real_kit, *command, keyboard=True) as terminal:
        terminal.read(lambda text: PROMPT in text)
        assert ask(terminal, "python3 /app/50_probe/stage.py") == "changed\n"
        leave(terminal)


def test_ctrl_c_is_for_what_runs_at_the_prompt(real_kit: Kit) -> None:
    real_kit.job()
    with on_terminal(real_kit, "probe", "out/job", "--shell", keyboard=True) as terminal:
        terminal.read(lambda text: PROMPT in text)
        # By a shell of its own, which Ctrl-C is for from its first word on.
        terminal.type("sh -c \"echo be''gun; exec sleep 100\"\n")
        terminal.read(lambda text: "begun" in text)
        terminal.type("\x03")
        terminal.read(lambda text: PROMPT in text.partition("^C")[2])
        assert ask(terminal, "echo code $?") == "code 130\n"
        leave(terminal)


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_ends_the_prompt_and_leaves_no_container(
    real_kit: Kit, engine: DockerEngine, name: str, code: int
) -> None:
    job = real_kit.job()
    with on_terminal(real_kit, "probe", "out/job", "--shell", keyboard=True) as terminal:
        settings = termios.tcgetattr(terminal.master)
        terminal.read(lambda text: PROMPT in text)
        terminal.process.send_signal(getattr(signal, name))
        assert terminal.process.wait(60) == code
        assert termios.tcgetattr(terminal.master) == settings
    assert containers(engine, job) == 0
    assert not (job / "50_probe").exists()
    assert list((job / ".stagerun/runs").iterdir()) == []


def test_cancel_ends_a_prompt(real_kit: Kit, engine: DockerEngine) -> None:
    job = real_kit.job()
    with on_terminal(real_kit, "probe", "out/job", "--shell", keyboard=True) as terminal:
        terminal.read(lambda text: PROMPT in text)
        ended = real_kit.run("cancel", "out/job", "--now")
        assert ended.returncode == 0, ended.stderr
        assert terminal.process.wait(60) == 0
    assert containers(engine, job) == 0


def killed_prompt(real_kit: Kit, engine: DockerEngine) -> Path:
    """A job with the container of a prompt whose runner was killed."""
    job = real_kit.job()
    with on_terminal(real_kit, "probe", "out/job", "--shell", keyboard=True) as terminal:
        terminal.read(lambda text: PROMPT in text)
        terminal.process.kill()
        terminal.process.wait()
    assert containers(engine, job) == 1
    return job


@pytest.mark.alone  # a start of a run by any other test would clear up, too
def test_the_next_run_clears_up_after_a_prompt_whose_runner_was_killed(
    real_kit: Kit, engine: DockerEngine
) -> None:
    job = killed_prompt(real_kit, engine)
    ended = real_kit.run("probe", "out/job")
    assert ended.returncode == 0, ended.stdout
    assert containers(engine, job) == 0
    assert len(list((job / ".stagerun/runs").iterdir())) == 1


@pytest.mark.alone  # a start of a run by any other test would clear up, too
def test_reap_clears_up_after_a_prompt_whose_runner_was_killed(
    real_kit: Kit, engine: DockerEngine
) -> None:
    job = killed_prompt(real_kit, engine)
    assert real_kit.run("reap", "out/job").returncode == 0
    assert containers(engine, job) == 0
    assert list((job / ".stagerun/runs").iterdir()) == []


def test_without_a_terminal_a_prompt_is_refused_with_a_sentence(real_kit: Kit) -> None:
    real_kit.job()
    refused = real_kit.run("probe", "out/job", "--shell")
    assert refused.returncode == 2
    assert "there is no terminal to type at" in refused.stderr


def test_a_kept_container_can_be_looked_into_and_removed_with_the_commands_that_are_told(
    real_kit: Kit, engine: DockerEngine
) -> None:
    job = real_kit.job()
    real_kit.code("50_probe", FAILING)
    ended = real_kit.run("probe", "out/job", "--dev", "--keep")
    assert ended.returncode == 1, ended.stdout
    told = dict(line.strip().split(": ", 1) for line in ended.stdout.splitlines()[-3:])
    inside, printed, removal = told.values()
    assert containers(engine, job) == 1
    assert "it went wrong" in run(printed)
    look = inside.replace("-it ", "") + " -c 'ls /job/input /app/50_probe; touch /job/50_probe/x'"
    seen = run(look)
    assert "text.txt" in seen
    assert "stage.py" in seen
    assert "Read-only file system" in seen
    again = real_kit.run("probe", "out/job", "--dev")
    assert again.returncode == 1
    assert real_kit.run("reap", "out/job").returncode == 0
    assert "container" not in real_kit.run("clean", "out/job", "--yes").stdout
    assert containers(engine, job) == 1
    run(removal)
    assert containers(engine, job) == 0


def run(command: str) -> str:
    ended = subprocess.run(
        shlex.split(command), capture_output=True, text=True, timeout=60, check=False
    )
    return ended.stdout + ended.stderr


def test_clean_removes_kept_containers_when_asked(real_kit: Kit, engine: DockerEngine) -> None:
    job = real_kit.job()
    real_kit.code("50_probe", FAILING)
    assert "Its container is kept" in real_kit.run("probe", job, "--dev", "--keep").stdout
    assert "kept when its run" in real_kit.run("clean", job, "--kept").stdout
    assert real_kit.run("clean", job, "--kept", "--yes").returncode == 0
    assert containers(engine, job) == 0


def test_a_run_that_succeeds_keeps_no_container(real_kit: Kit, engine: DockerEngine) -> None:
    job = real_kit.job()
    ended = real_kit.run("probe", job, "--keep")
    assert (ended.returncode, containers(engine, job)) == (0, 0)
    assert "kept" not in ended.stdout
