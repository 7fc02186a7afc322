"""Worker processes of a stage, and other processes on its folder."""

import json
from collections.abc import Callable

import pytest

from tests.contract.workplace import Workplace

Wait = Callable[[Callable[[], bool]], None]
BEGIN = """
import multiprocessing, os, sys, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons frown on fork
from shared.logger import get_logger
from shared.stage_utils import StageIO
"""


def test_lines_of_many_processes_are_kept_whole(workplace: Workplace) -> None:
    ended = workplace.run(
        BEGIN
        + """
def work(number):
    for step in range(100):
        get_logger("worker").info("%s %s", number, str(number) * 3000)

if __name__ == "__main__":
    io = StageIO("asr")
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=work, args=(number,)) for number in range(4)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    io.finalize()
"""
    )
    assert ended.code == 0, ended.err
    for text, source in ((ended.stage_log(), "worker"), (ended.pipeline_log(), "asr")):
        lines = text.splitlines()
        assert len(lines) == 400
        for line in lines:
            number, long = line.partition(f"[{source}] [INFO] ")[2].split()
            assert long == number * 3000


def test_workers_that_inherit_no_memory_log_to_the_same_files(workplace: Workplace) -> None:
    ended = workplace.run(
        BEGIN
        + """
def work(number):
    get_logger("worker").debug("detail %d", number)
    get_logger("worker").info("line %d", number)

if __name__ == "__main__":
    io = StageIO("asr")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(work, range(4))
    io.finalize()
"""
    )
    assert ended.code == 0, ended.err
    for number in range(4):
        assert f"[worker] [DEBUG] detail {number}" in ended.stage_log()
        assert ended.pipeline_log().count(f"line {number}") == 1


def test_records_of_workers_are_whole_and_without_a_number(workplace: Workplace) -> None:
    folder = workplace.job / ".stagerun" / "runs" / "run1"
    folder.mkdir(parents=True)
    (folder / "request.json").write_text(json.dumps({"run_id": "run1", "stage_id": "06_asr"}))
    ended = workplace.run(
        BEGIN
        + """
def work(number):
    for step in range(20):
        get_logger("worker").info("%s", str(number) * 5000)

if __name__ == "__main__":
    io = StageIO("asr")
    io.get_stage_logger().info("first")
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            pool.map(work, range(2))
    io.get_stage_logger().info("last")
    io.finalize()
""",
        STAGERUN_RUN_ID="run1",
        STAGERUN_STAGE="06_asr",
        OUTPUT_DIR=str(workplace.job),
    )
    assert ended.code == 0, ended.err
    records = [json.loads(text) for text in ended.err.split("\x1e")[1:]]
    assert [record["seq"] for record in records if record["seq"] is not None] == [1, 2]
    assert sum(record["seq"] is None for record in records) == 2 * 2 * 20 * 2


@pytest.mark.parametrize("in_thread", [False, True])
def test_a_signal_ends_a_worker_at_once_whatever_it_waits_for(
    workplace: Workplace, in_thread: bool
) -> None:
    ended = workplace.run(
        BEGIN
        + f"""
import signal, threading

def fork():
    child = os.fork()
    if not child:
        for number in (signal.SIGTERM, signal.SIGHUP):
            print(signal.getsignal(number) is signal.SIG_DFL, flush=True)
        os._exit(0)
    os.waitpid(child, 0)

io = StageIO("asr")
if {in_thread}:
    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
else:
    fork()
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
io.finalize()
"""
    )
    assert ended.out.split() == ["True", "True", "False"]


def test_a_handler_of_the_stages_own_stays_in_its_workers(workplace: Workplace) -> None:
    ended = workplace.run(
        BEGIN
        + """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
io = StageIO("asr")
child = os.fork()
if not child:
    print(signal.getsignal(signal.SIGTERM) is signal.SIG_IGN, flush=True)
    os._exit(0)
os.waitpid(child, 0)
io.finalize()
"""
    )
    assert ended.out.split() == ["True"]


@pytest.mark.parametrize(
    "call",
    [
        "io.track_input('a', 'b')",
        "io.track_output('a', 'b')",
        "io.track_intermediate('a')",
        "io.finalize()",
        "io.finalize('failed')",
        "io.add_warning('w')",
    ],
)
def test_a_worker_may_not_change_the_manifest(workplace: Workplace, call: str) -> None:
    ended = workplace.run(
        BEGIN
        + f"""
io = StageIO("asr")
child = os.fork()
if child == 0:
    try:
        {call}
    except RuntimeError as error:
        print(type(error).__name__, error)
    sys.exit(0)  # runs what was registered for the end of the process
os.waitpid(child, 0)
print(open(io.manifest_path).read().count('"running"'))
io.finalize()
"""
    )
    assert ended.code == 0, ended.err
    assert "ForeignProcessError" in ended.out
    assert ended.out.splitlines()[-1] == "1"
    assert ended.manifest()["status"] == "success"


def test_a_worker_that_is_terminated_does_not_fail_the_stage(workplace: Workplace) -> None:
    ended = workplace.run(
        BEGIN
        + """
io = StageIO("asr")
child = os.fork()
if child == 0:
    time.sleep(30)
time.sleep(0.1)
os.kill(child, 15)
print(os.waitpid(child, 0)[1])
print(open(io.manifest_path).read().count('"running"'))
io.finalize()
"""
    )
    assert ended.out.split() == ["15", "1"]
    assert ended.manifest()["status"] == "success"


def test_another_living_process_on_the_folder_is_an_error_with_its_pid(
    workplace: Workplace, eventually: Wait
) -> None:
    first = workplace.start(
        workplace.write(
            BEGIN + "io = StageIO('asr')\nopen('ready', 'w').close()\ntime.sleep(30)\n", "first.py"
        )
    )
    eventually((workplace.folder / "ready").exists)
    second = workplace.run(BEGIN + "StageIO('asr')\n", name="second.py")
    first.kill()
    ended = workplace.finish(first)
    assert second.code == 1
    assert "StageBusyError" in second.err
    assert f"process {first.pid}" in second.err
    assert ended.manifest()["status"] == "running"


def test_a_process_that_has_finalized_lets_the_next_one_in(
    workplace: Workplace, eventually: Wait
) -> None:
    script = workplace.write(
        BEGIN + "StageIO('asr').finalize()\nopen('ready', 'w').close()\ntime.sleep(30)\n",
        "first.py",
    )
    first = workplace.start(script)
    eventually((workplace.folder / "ready").exists)
    second = workplace.run(BEGIN + "StageIO('asr').finalize()\n", name="second.py")
    first.kill()
    workplace.finish(first)
    assert second.code == 0, second.err


def test_a_worker_on_the_stages_own_folder_is_told_who_has_it(workplace: Workplace) -> None:
    ended = workplace.run(
        BEGIN
        + """
io = StageIO("asr")
child = os.fork()
if child == 0:
    try:
        StageIO("asr")
    except RuntimeError as error:
        print(type(error).__name__, f"process {os.getppid()}" in str(error))
    os._exit(0) if sys.stdout.flush() is None else None
os.waitpid(child, 0)
io.finalize()
"""
    )
    assert ended.out.split() == ["StageBusyError", "True"]
    assert ended.manifest()["status"] == "success"
