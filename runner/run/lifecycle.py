"""The life of one run. Whoever has read this function knows the program."""

from runner.events import Observer
from runner.job.folder import Job
from runner.job.journal import CONTAINER
from runner.job.lock import stage_lock
from runner.project.pipeline import Project
from runner.project.stage import StageSpec
from runner.run.admission import admit
from runner.run.attempt import begin, container_of
from runner.run.conclusion import (
    announce,
    circumstances,
    conclude,
    keep_if_failed,
    output_of,
    stop_asked,
    supervision,
)
from runner.run.contract import check_contract
from runner.run.ended import note_end
from runner.run.given import kept_given
from runner.run.outcome import Outcome, cached, finished, given, waiting
from runner.run.recovery import recover
from runner.run.request import Host, RunOptions, resolve
from runner.run.results import last_good
from runner.run.stopwatch import Stopwatch
from runner.run.supervision import supervise
from runner.run.verdict import judge


def run_stage(
    stage: StageSpec, project: Project, job: Job, host: Host, *, options: RunOptions, emit: Observer
) -> Outcome:
    """Run one stage of one job, or find that its last result is still good.

    Every line may raise a StagerunError; what was begun is undone, or journalled for the next
    runner to finish.
    """
    clock, stopped = Stopwatch(), stop_asked(stage, job, host)
    with stage_lock(
        job,
        stage.id,
        wait_seconds=options.wait_seconds,
        waiting=waiting(stage, emit),
        cancelled=stopped,
    ):
        adopted = recover(stage, project, job, host, emit)
        clock.lap("queue")
        if options.keep_given and (entry := kept_given(job, stage)):
            return given(stage, entry, emit)
        request = resolve(stage, project, job, host, options)
        if adopted and adopted.answers(request):
            return finished(adopted.run, adopted.record, emit)
        if not options.force and (last := last_good(job, stage, request.fingerprint)):
            return cached(stage, last, emit)
        clock.lap("resolve")
        with admit(request, job, host, stopped, emit) as request, begin(request, job, host) as run:
            announce(run, emit)
            clock.lap("prepare")
            with container_of(run) as container:
                run.journal.write(CONTAINER, container_id=container.id)
                clock.lap("create")
                facts = supervise(container, output_of(run, emit), supervision(run, emit))
                clock.split(start=facts.start_ms, run=facts.duration_seconds * 1000)
                around = circumstances(run, facts)
                note_end(run, facts, around, clock.laps_ms)
                keep_if_failed(run, container, facts, around)
            clock.lap("teardown")
            found = check_contract(stage, job.stage_folder(stage.id), run.id)
            judgement = judge(facts, found, around)
            clock.lap("validate")
            record = conclude(run, facts, found, judgement, around, clock)
    return finished(run, record, emit)
