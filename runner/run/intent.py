"""What the journal keeps of a request, so that another runner can go on with its run.

Secrets and proxies are not in it. They are found again, and where secrets are no longer the same
nobody could keep the old ones out of logs and records: such a run cannot be gone on with.
"""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.errors import ImageMismatchError, SettingsError
from runner.host.gpu import Grant
from runner.job.folder import Job
from runner.job.journal import journal_of
from runner.job.model_store import FoundModel
from runner.project.config import ResolvedLimits, Value
from runner.project.pipeline import Project
from runner.project.stage import Resources, StageSpec
from runner.run.attempt import Run
from runner.run.inputs import InputFile
from runner.run.kept_request import secret_marks
from runner.run.pins import check_digest
from runner.run.request import (
    DECLARED_OUTPUTS,
    Host,
    ImageReference,
    Request,
    RunOptions,
    declared_outputs,
    find_secrets,
)
from runner.run.retry import attempt_from
from runner.run.site_access import SiteAccess, kept_proxies

if TYPE_CHECKING:
    from runner.run.gpu_request import GpuRequest

UNUSABLE: Final = (KeyError, TypeError, ValueError, OSError, SettingsError, ImageMismatchError)


def run_again(
    stage: StageSpec,
    project: Project,
    job: Job,
    host: Host,
    run_id: str,
    steps: Sequence[Mapping[str, Any]],
) -> Run | None:
    """The run as its dead runner had it.

    None where what its stage declares or its secrets were changed since, its image is not the one
    that is pinned now, its proxies are no longer known, or the journal does not tell enough.
    """
    with contextlib.suppress(*UNUSABLE):
        intent = steps[0]
        kept = intent["request"]
        secrets = find_secrets(stage, project)
        secrets = {name: secrets[name] for name in kept["secrets"]}
        proxies = kept_proxies(job, run_id)
        if bool(proxies) != kept["has_proxies"]:
            return None
        check_digest(project, kept["image_name"], intent["image"])
        is_same = kept["components"][DECLARED_OUTPUTS] == declared_outputs(stage)
        if not is_same or secret_marks(secrets) != kept["secrets"]:
            return None
        return Run(
            id=run_id,
            request=_request(intent, kept, stage, project, secrets, proxies),
            job=job,
            host=host,
            began_at=datetime.fromisoformat(intent["time"]),
            journal=journal_of(job, run_id),
        )
    return None


def _request(
    intent: Mapping[str, Any],
    kept: Mapping[str, Any],
    stage: StageSpec,
    project: Project,
    secrets: Mapping[str, Path],
    proxies: Mapping[str, str],
) -> Request:
    return Request(
        stage=stage,
        project=project,
        variant=kept["variant"],
        image=ImageReference(name=kept["image_name"], digest=intent["image"]),
        config={key: Value(**value) for key, value in kept["config"].items()},
        inputs=tuple(InputFile(**item) for item in kept["inputs"]),
        limits=ResolvedLimits(
            values=Resources(**kept["limits"]["values"]), sources=kept["limits"]["sources"]
        ),
        grant=_grant(kept["grant"]),
        gpu=_gpu_request(kept.get("gpu")),
        models={
            name: FoundModel(**{**model, "folder": Path(model["folder"])})
            for name, model in kept["models"].items()
        },
        secrets=secrets,
        site=SiteAccess(proxies=proxies),
        components=kept["components"],
        fingerprint=intent["fingerprint"],
        notices=tuple(kept["notices"]),
        skipped=tuple(kept["skipped"]),
        options=RunOptions(dev=kept["dev"], attempt=attempt_from(kept["attempt"])),
    )


def _grant(kept: Mapping[str, Any]) -> Grant:
    listed = {name: tuple(kept.get(name, ())) for name in ("uuids", "shares", "names")}
    return Grant(**listed, fallback_reason=kept["fallback_reason"])


def _gpu_request(kept: Mapping[str, Any] | None) -> "GpuRequest | None":
    if kept is None:
        return None
    from runner.gpu.peaks import Peak, PeakKey
    from runner.gpu.placement import Wish
    from runner.run.gpu_request import GpuRequest

    return GpuRequest(
        wish=Wish(**kept["wish"]),
        source=kept["source"],
        key=PeakKey(**kept["key"]),
        peaks={name: Peak(**peak) for name, peak in kept["peaks"].items()},
    )
