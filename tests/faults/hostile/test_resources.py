"""Stages that take all they can get, or do not let go: held by their limits, ended as a whole."""

import time
from pathlib import Path

import pytest

from tests.faults.hostile.attacks import Attack, Told, suffer
from tests.project_kit import Kit

pytestmark = pytest.mark.engine

BAD = (1, "stage_failed")
ATTACKS = {
    "processes that make processes": Attack(
        after="""
        try:
            while True:
                os.fork()
        except BlockingIOError:
            os._exit(0)
        """
    ),
    "memory, in all processes at once": Attack(
        before="""
        for _ in range(8):
            if os.fork() == 0:
                break
        held = [bytearray(10**7) for _ in range(200)]
        """,
        options=("--memory", "64MiB"),
        ends=(7, "oom_memory"),
        says="memory limit of 64 MiB",
    ),
    "memory, hidden in /dev/shm": Attack(
        before="""
        try:
            for number in range(100):
                with open(f"/dev/shm/{number}", "wb") as file:
                    file.write(bytes(10**6))
        except OSError as problem:
            print("held:", problem)
        else:
            sys.exit("ESCAPED: more than the size of /dev/shm")
        for path in Path("/dev/shm").iterdir():
            path.unlink()
        """,
        never="ESCAPED",
    ),
    "/tmp, which it fills and leaves full": Attack(
        after="""
        try:
            with open("/tmp/full", "wb") as file:
                while True:
                    file.write(bytes(10**6))
        except OSError:
            os._exit(0)
        """
    ),
    "/tmp, full of files without content": Attack(
        after="""
        try:
            for number in range(10**6):
                open(f"/tmp/{number}", "w").close()
                if number == 30_000:
                    os._exit(0)
        except OSError:
            os._exit(0)
        """
    ),
    "all descriptors": Attack(
        before="""
        held = []
        try:
            while len(held) < 200_000:
                held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
        for descriptor in held:
            os.close(descriptor)
        """
    ),
    "a child that stays, with its own session and the output": Attack(
        after="""
        if os.fork() == 0:
            os.setsid()
            for number in range(1, 64):
                if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
                    signal.signal(number, signal.SIG_IGN)
            while True:
                (folder / "more.txt").write_text("late")
                time.sleep(0.01)
        for _ in range(1000):
            if (folder / "more.txt").exists():
                break
            time.sleep(0.01)
        """,
        ends=(3, "contract_violation"),
        says="more.txt",
    ),
    "its parent stopped": Attack(
        before="os.kill(os.getppid(), signal.SIGSTOP)",
        options=("--timeout", "2s"),
        ends=(8, "timeout"),
    ),
    "its parent killed": Attack(
        after="os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)", ends=BAD
    ),
    "its init asked to end": Attack(
        after="""
        for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGCHLD"):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.kill(1, getattr(signal, name))
        time.sleep(60)
        """,
        ends=BAD,
    ),
    "every signal ignored, in a loop": Attack(
        before="""
        for number in range(1, 64):
            if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
                signal.signal(number, signal.SIG_IGN)
        while True:
            pass
        """,
        options=("--timeout", "2s"),
        ends=(8, "timeout"),
    ),
    "every process killed": Attack(after="os.kill(-1, signal.SIGKILL); time.sleep(60)", ends=BAD),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_stage_is_held_by_its_limits(
    real_kit: Kit, job: Path, record_property: Told, name: str
) -> None:
    began = time.monotonic()
    suffer(real_kit, job, ATTACKS[name], record_property)
    assert time.monotonic() - began < 30
