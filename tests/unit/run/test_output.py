"""What a container prints: records are believed by their shape, and nothing breaks the reading."""

import resource
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.events import LogLine, Progress
from runner.host.container import STDERR, STDOUT
from runner.run.output import KEPT_BYTES, LINE_LIMIT
from tests.unit.run.printed_output import TIME, Reader, log, record


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def test_a_secret_that_a_stage_prints_is_neither_kept_nor_told(tmp_path: Path) -> None:
    reader = Reader(tmp_path, "s3cret-token")
    reader.read(
        b"GET /films?key=s3cr",
        b"et-token\nno newline: s3cret-token",
    )
    reader.read(log("the key is s3cr", parts=2, part=1) + log("et-token", parts=2, part=2))
    assert reader.kept == b"GET /films?key=***\nno newline: ***\n"
    assert reader.output.tail == ("GET /films?key=***", "no newline: ***")
    assert reader.messages == ["the key is ***"]


def test_a_log_record_becomes_a_line_with_all_its_parts(reader: Reader) -> None:
    reader.read(log("listening", seq=7, level="WARNING"))
    assert reader.events == [
        LogLine(
            stage="06_asr",
            run_id="r",
            time=TIME,
            level="WARNING",
            message="listening",
            sequence=7,
        )
    ]
    assert reader.kept == b""


def test_a_progress_record_becomes_progress(reader: Reader) -> None:
    reader.read(
        record(seq=2, type="progress", time=TIME, done=12.5, total=29, unit="s"),
        record(seq=3, type="progress", time=TIME, done=13, total=None),
    )
    assert [
        (item.done, item.total, item.unit) for item in reader.events if isinstance(item, Progress)
    ] == [
        (12.5, 29.0, "s"),
        (13.0, None, ""),
    ]


@pytest.mark.parametrize(
    ("unit", "total", "length"),
    [
        ("s", 29.0, 29.0),
        ("seconds", 29.0, 29.0),
        ("pages", 29.0, None),
        ("s", 0, None),
        ("s", -1, None),
        ("s", 1e300, None),
    ],
)
def test_the_length_of_the_media_is_the_total_of_a_progress_in_seconds(
    reader: Reader, unit: str, total: float, length: float | None
) -> None:
    reader.read(record(seq=1, type="progress", time=TIME, done=1, total=total, unit=unit))
    assert reader.output.media_seconds == length


def test_a_progress_without_a_total_does_not_forget_the_length_of_the_media(reader: Reader) -> None:
    reader.read(
        record(seq=1, type="progress", time=TIME, done=1, total=29, unit="s"),
        record(seq=2, type="progress", time=TIME, done=2, total=None, unit="s"),
    )
    assert reader.output.media_seconds == 29


def test_a_record_may_come_in_any_pieces(reader: Reader) -> None:
    data = log("one") + b"raw\n" + log("two")
    reader.read(*(data[index : index + 1] for index in range(len(data))))
    assert reader.messages == ["one", "two"]
    assert reader.kept == b"raw\n"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 60), max_size=8))
def test_however_it_is_cut_the_same_is_read(tmp_path: Path, cuts: list[int]) -> None:
    data = b"a\n" + log("one") + b"\xff\x00b" + b"\n" + log("two") + b"rest"
    edges = [0, *sorted(cuts), len(data)]
    reader = Reader(tmp_path)
    reader.output.log.unlink(missing_ok=True)
    reader.read(*(data[start:end] for start, end in pairwise(edges)))
    assert reader.messages == ["one", "two"]
    assert reader.kept == b"a\n\xff\x00b\nrest\n"


END = b'\x1e{"type":"end","exit_code":3,"oom_kills":%d}\n'


@pytest.mark.parametrize("before", [b"50 %", b"x" * 70_000, b'\x1e{"type":"log","mess'])
def test_a_record_is_read_behind_a_line_that_was_left_open(reader: Reader, before: bytes) -> None:
    frames: list[tuple[int, bytes]] = [(STDERR, before), (STDERR, log("heard")), (STDERR, before)]
    reader.output.read(iter([*frames, (STDERR, END % 1)]))
    assert reader.messages == ["heard"]
    assert reader.output.report is not None
    assert reader.output.report.oom_kills == 1
    assert reader.kept == (before + b"\n") * 2 if len(before) < LINE_LIMIT else reader.kept


def test_a_report_that_another_one_contradicts_is_not_believed(reader: Reader) -> None:
    reader.output.read(iter([(STDERR, END % 5), (STDERR, END % 0), (STDERR, END % 5)]))
    assert reader.output.report is not None
    assert reader.output.report.oom_kills is None


def test_parts_of_many_senders_do_not_pile_up(reader: Reader) -> None:
    reader.read(*(log("x" * 60_000, part=1, parts=99, pid=number % 64) for number in range(512)))
    told = sum(map(len, reader.messages))
    assert 512 * 60_000 - told <= 2 << 20


def test_two_streams_do_not_mix_within_a_line(reader: Reader) -> None:
    data = log("whole")
    frames: list[tuple[int, bytes]] = [
        (STDERR, data[:9]),
        (STDOUT, b"out"),
        (STDERR, data[9:]),
        (STDOUT, b"put\n"),
    ]
    reader.output.read(iter(frames))
    assert reader.messages == ["whole"]
    assert reader.kept == b"output\n"


def test_a_message_in_parts_is_one_line(reader: Reader) -> None:
    reader.read(
        log("one ", part=1, parts=3), log("two ", part=2, parts=3), log("three", part=3, parts=3)
    )
    assert reader.messages == ["one two three"]


def test_a_part_that_is_no_number_spoils_no_other_message(reader: Reader) -> None:
    reader.read(log("bad", part="x", parts=3), log("good"))
    assert reader.messages == ["good"]


def test_parts_without_end_do_not_pile_up(reader: Reader) -> None:
    reader.read(*(log("x" * 3000, part=1, parts=10**9) for _ in range(1000)))
    assert reader.messages
    assert max(map(len, reader.messages)) <= 3000 * 256


FORGED = [
    b"\x1e\n",
    b"\x1e{}\n",
    b"\x1enot json\n",
    b"\x1e[1]\n",
    b"\x1e" + b"[" * 50_000 + b"\n",
    b'\x1e{"type": "log"}\n',
    b'\x1e{"type": "log", "level": [], "message": "x", "time": ""}\n',
    b'\x1e{"type": "log", "level": "DEBUG", "message": "x", "time": ""}\n',
    b'\x1e{"type": "log", "level": "SHOUT", "message": "x", "time": ""}\n',
    b'\x1e{"type": "progress"}\n',
    b'\x1e{"type": "progress", "done": "much"}\n',
    b'\x1e{"type": "progress", "done": NaN}\n',
    b'\x1e{"type": "progress", "done": 1, "total": Infinity}\n',
    b'\x1e{"type": "progress", "done": 1' + b"0" * 400 + b"}\n",
    b'\x1e{"type": "progress", "done": 1' + b"0" * 5000 + b"}\n",
    b'\x1e{"type": {"a": 1}}\n',
    b"\x1e\xff\xfe\n",
]


@pytest.mark.parametrize("line", FORGED, ids=lambda line: repr(line[:40]))
def test_what_is_no_record_goes_to_the_log_and_the_next_one_is_read(
    reader: Reader, line: bytes
) -> None:
    reader.read(line, log("after"))
    assert reader.messages == ["after"]
    assert reader.kept.endswith(line[-20:])
    assert reader.output.report is None


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=60) | st.just(b"\x1e") | st.just(b"\n"), max_size=8))
def test_no_bytes_break_the_reading(tmp_path: Path, chunks: list[bytes]) -> None:
    Reader(tmp_path).read(*chunks)


ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.none())
RECORDS = st.fixed_dictionaries(
    {"type": st.sampled_from(["log", "progress", "end"])},
    optional={
        name: ANY | st.just("INFO")
        for name in (
            *("seq", "pid", "time", "level", "message", "part", "parts"),
            *("done", "total", "unit", "oom_kills", "cpu_seconds"),
        )
    },
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(RECORDS, max_size=4))
def test_no_record_breaks_the_reading(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    Reader(tmp_path).read(*(record(**item) for item in records))


def test_a_line_without_end_is_cut_and_does_not_fill_the_memory(reader: Reader) -> None:
    def endless() -> Iterator[tuple[int, bytes]]:
        for _ in range(1024):
            yield STDOUT, b"x" * 65536

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader.output.read(endless())
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 48 * 1024
    assert max(map(len, reader.output.tail)) <= LINE_LIMIT
    assert reader.output.log.stat().st_size < KEPT_BYTES + 100


def test_after_16_mib_the_rest_is_counted_and_not_kept(reader: Reader) -> None:
    line = b"x" * 1023 + b"\n"
    reader.read(*([line * 1024] * 17), b"last words\n")
    over = (1 << 20) + len("last words\n")
    assert reader.kept.endswith(b"\n[%d more bytes were not kept]\n" % over)
    assert reader.kept.startswith(line)
    assert reader.output.log.stat().st_size < KEPT_BYTES + 100
    assert reader.output.tail[-1] == "last words"


def test_records_are_read_also_when_the_log_is_full(reader: Reader) -> None:
    reader.read(*([b"y" * 65536] * 260), b"\n", log("still heard"))
    assert reader.messages == ["still heard"]


def test_the_last_lines_are_at_hand_for_the_message(reader: Reader) -> None:
    reader.read(b"".join(b"line %d\r\n" % number for number in range(100)))
    assert list(reader.output.tail)[-1] == "line 99"
    assert len(reader.output.tail) == 40


def test_a_disk_that_is_full_does_not_stop_the_reading(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    reader.output.log = Path("/dev/full")
    reader.read(b"raw\n", log("still heard"))
    assert reader.messages == ["still heard"]
    assert reader.output.tail[-1] == "raw"
    assert reader.output.left_out >= 4


def test_a_secret_that_stands_where_a_long_line_is_cut_is_told_nowhere(tmp_path: Path) -> None:
    secret = "s3cret-of-the-site"
    for begin in range(LINE_LIMIT - len(secret), LINE_LIMIT + 1, 3):
        folder = tmp_path / str(begin)
        folder.mkdir()
        data = b"x" * begin + secret.encode() + b"y" * LINE_LIMIT
        reader = Reader(folder, secret).read(data[:70_000], data[70_000:])
        assert secret.encode() not in reader.kept
        assert b"***" in reader.kept


def test_a_secret_that_stands_where_a_message_without_end_is_cut_is_told_nowhere(
    tmp_path: Path,
) -> None:
    secret = "s3cret-of-the-site"
    parts = [log(secret[:7], part=1, parts=9)] * 255 + [log(secret[:7], part=1, parts=9)]
    parts += [log(secret[7:], part=1, parts=9), log("end", part=9, parts=9)]
    reader = Reader(tmp_path, secret).read(*parts)
    assert secret not in "".join(reader.messages)
    assert "***" in "".join(reader.messages)


def test_messages_without_end_are_counted_when_no_more_are_kept(reader: Reader) -> None:
    reader.read(*(log("x" * 60_000) for _ in range(1000)))
    assert sum(map(len, reader.messages)) <= 33 << 20
    assert reader.messages[-1].endswith("more log lines were not kept here; stage.log has them")
    told = int(reader.messages[-1].split()[0])
    assert told + len(reader.messages) - 1 == 1000
