"""Where a stage finds the model files that its spec declares."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Final

from shared.config import load_config
from shared.errors import UndeclaredError
from shared.open_stages import OpenStage

STORE: Final = "/models"
STORE_VARIABLE: Final = "STAGERUN_MODELS"


def model_folder(stage: OpenStage, name: str) -> Path:
    """The folder of a declared model; whether it is complete is for the runner to say.

    Without the runner the store is ``/models``, or what STAGERUN_MODELS names. Raises
    UndeclaredError for a model that the spec does not have, or that these settings do not need.
    """
    if stage.request is not None:
        if name in stage.request.models:
            return Path(stage.request.models[name].folder)
        message = (
            f"{stage.stage_id} asks for the model {name!r}, but its settings need none of that "
            f"name: see models in stages/{stage.stage_id}/stage.yaml."
        )
        raise UndeclaredError(message)
    declared = stage.spec.models if stage.spec is not None else {}
    if name not in declared:
        message = (
            f"{stage.stage_id} declares no model {name!r}; it has: {', '.join(declared) or 'none'}."
            f" Add it to models in stages/{stage.stage_id}/stage.yaml."
        )
        raise UndeclaredError(message)
    config = load_config()
    values = {key: config.get(key) or "" for key in config}
    folder = PurePosixPath(declared[name].folder.format_map(values))
    return Path(os.environ.get(STORE_VARIABLE) or STORE) / folder
