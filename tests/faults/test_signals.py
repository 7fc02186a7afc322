"""Signals at the worst moments of a call: at its start and end, and where Python drops errors."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = """\
import io, os, signal, sys, time, weakref
from runner.cli.calling import Interrupted, call, listen

def both_at_once(_):
    both = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, both)
    for number in both:
        os.kill(os.getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, both)

class Dropped: pass

"""
HALF = """\
import signal

class Field:
    def __set_name__(self, owner, name):
        signal.raise_signal(signal.SIGTERM)

class Owner:
    field = Field()

WHOLE = True
"""
IN_A_CALLBACK = """\
dropped = Dropped()
watched = weakref.ref(dropped, lambda _: signal.raise_signal(signal.SIGTERM))
del dropped
"""
TWO_IN_A_CALLBACK = """\
dropped = Dropped()
watched = weakref.ref(dropped, both_at_once)
del dropped
"""
IN_AN_IMPORT = """\
import half
assert half.WHOLE
"""
HEARING = """\
listen()
try:
    exec(sys.argv[1])
    time.sleep(20)
except Interrupted:
    os._exit(0)
os._exit(1)
"""
SECOND_WHILE_THE_FIRST_IS_TOLD = """\
class Loud(io.StringIO):
    def write(self, text):
        signal.raise_signal(signal.SIGINT)

class Stuck(io.StringIO):
    def write(self, text):
        signal.raise_signal(signal.SIGTERM)
        time.sleep(20)

sys.stdout, sys.stderr = Loud(), Stuck()
call(["--help"])
"""
AFTER_THE_LAST_WORD = """\
code = call(["--help"])
signal.raise_signal(signal.SIGINT)
os._exit(code)
"""
BEFORE_ANYBODY_LISTENS = """\
import os, signal, sys

class Finder:
    def find_spec(self, name, path, target=None):
        if name == "runner.cli.calling":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
from runner.cli.main import main
main()
"""


def run(folder: Path, script: str, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", script, *words]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "place",
    [IN_A_CALLBACK, TWO_IN_A_CALLBACK, IN_AN_IMPORT],
    ids=["a callback", "two in a callback", "an import"],
)
def test_a_signal_is_heard_even_where_python_drops_or_changes_errors(
    tmp_path: Path, place: str
) -> None:
    (tmp_path / "half.py").write_text(HALF)

    ended = run(tmp_path, HEAD + HEARING, place)

    assert (ended.returncode, ended.stderr) == (0, "")


def test_ctrl_c_before_anybody_listens_shows_no_traceback(tmp_path: Path) -> None:
    ended = run(tmp_path, BEFORE_ANYBODY_LISTENS, "--help")

    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, "", "")


def test_a_second_signal_ends_a_call_that_cannot_tell_of_the_first(tmp_path: Path) -> None:
    ended = run(tmp_path, HEAD + SECOND_WHILE_THE_FIRST_IS_TOLD)

    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGTERM, "", "")


def test_a_signal_after_the_last_word_has_nothing_to_stop(tmp_path: Path) -> None:
    ended = run(tmp_path, HEAD + AFTER_THE_LAST_WORD)

    assert (ended.returncode, ended.stderr) == (0, "")
