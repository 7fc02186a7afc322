"""A terminal that is lent to a container, and what it shows of the stage library's records."""

import json
import os
import pty
import termios
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from runner.cli.terminal import LONGEST_RECORD, Records, lend
from runner.host.engine_fake import FakeContainer, FakeEngine, FakeProcess
from tests.small_container import SMALL

MUCH = 1 << 20


def record(**content: object) -> bytes:
    return b"\x1e" + json.dumps(content).encode() + b"\r\n"


def test_records_become_lines_and_the_rest_stays_as_it_came() -> None:
    said = record(type="log", level="INFO", message="copied")
    assert Records().shown(b"\x1b[1mone" + said + b"two") == b"\x1b[1mone[INFO] copied\r\ntwo"


def test_progress_is_not_shown() -> None:
    assert Records().shown(record(type="progress", done=1, total=2)) == b""


def test_a_message_steers_no_terminal() -> None:
    said = Records().shown(record(type="log", level="INFO", message="\x1b]0;title\x07"))
    assert b"\x1b" not in said


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_record_that_comes_in_pieces_is_shown_once(cut: int) -> None:
    whole = record(type="log", level="ERROR", message="lost")
    records = Records()
    assert records.shown(whole[:cut]) + records.shown(whole[cut:]) == b"[ERROR] lost\r\n"


@pytest.mark.parametrize("text", [b"\x1enothing\n", b"\x1e[1]\n", b"\x1e{}\n"])
def test_what_is_no_record_is_shown_as_it_came(text: bytes) -> None:
    assert Records().shown(text) == text


def test_a_separator_alone_does_not_hold_the_output_back_for_ever() -> None:
    flood = b"\x1e" + b"x" * LONGEST_RECORD
    assert Records().shown(flood) == flood


@dataclass
class Screen:
    """A pseudo terminal with somebody before it, who reads all that it shows."""

    master: int
    slave: int
    shown: bytearray = field(default_factory=bytearray)

    def watch(self) -> None:
        try:
            while data := os.read(self.master, 65536):
                self.shown += data
        except OSError:  # how a pseudo terminal says that the other side is closed
            return


@pytest.fixture
def screen() -> Iterator[Screen]:
    found = Screen(*pty.openpty())
    watcher = threading.Thread(target=found.watch, daemon=True)
    watcher.start()
    yield found
    os.close(found.slave)
    watcher.join(10)
    os.close(found.master)


def lent(screen: Screen, program: Callable[[FakeProcess], int]) -> None:
    container = FakeContainer(FakeEngine(), replace(SMALL, terminal=True), program)
    lend(container, screen.slave, screen.slave)


def closes_after(screen: Screen, text: bytes) -> None:
    """Wait until all of it was seen."""
    os.close(screen.slave)
    screen.slave = os.open(os.devnull, os.O_RDONLY)
    for _ in range(1000):
        if text in screen.shown:
            return
        threading.Event().wait(0.01)
    raise AssertionError(screen.shown[-200:])


def test_keys_and_output_pass_and_the_terminal_is_left_as_it_was(screen: Screen) -> None:
    sizes = []

    def program(process: FakeProcess) -> int:
        assert process.terminal is not None
        os.write(screen.master, b"\x03keys")
        heard = b""
        while b"keys" not in heard:
            heard += process.terminal.recv(100)
        sizes.append(process.size)
        process.terminal.sendall(b"heard " + heard)
        return 0

    before = termios.tcgetattr(screen.slave)
    lent(screen, program)
    assert termios.tcgetattr(screen.slave) == before
    assert sizes == [(0, 0)]
    closes_after(screen, b"heard \x03keys")


def test_much_that_is_typed_while_much_is_printed_holds_up_neither(screen: Screen) -> None:
    def types() -> None:
        rest = b"k" * (MUCH // 4) + b"!"
        while rest:
            rest = rest[os.write(screen.master, rest[:1024]) :]

    def program(process: FakeProcess) -> int:
        assert process.terminal is not None
        threading.Thread(target=types, daemon=True).start()
        process.terminal.sendall(b"p" * MUCH)
        while not process.terminal.recv(65536).endswith(b"!"):
            pass
        process.terminal.sendall(b"all heard")
        return 0

    lent(screen, program)
    closes_after(screen, b"all heard")


def test_a_container_that_ends_by_itself_ends_the_loan(screen: Screen) -> None:
    lent(screen, lambda process: int(process.terminal is None))
