"""Loads a stand-in for a model: a JSON list of what it separates."""

from __future__ import annotations

import json
import pickle
from pathlib import Path


class Model:
    """It has the attributes that demucs's models have."""

    samplerate = 44100
    audio_channels = 2

    def __init__(self, sources: list[str]) -> None:
        self.sources = sources

    def eval(self) -> None:
        """Models are told that they are not to learn."""


def load_model(path_or_package: str) -> Model:
    """As demucs does, raises UnpicklingError for what is no model."""
    try:
        return Model(json.loads(Path(path_or_package).read_text()))
    except ValueError as error:
        message = "invalid load key"
        raise pickle.UnpicklingError(message) from error
