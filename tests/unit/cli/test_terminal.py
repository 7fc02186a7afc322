"""What a prompt shows of the stage library's records."""

import json

import pytest

from runner.cli.terminal import LONGEST_RECORD, Records


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
