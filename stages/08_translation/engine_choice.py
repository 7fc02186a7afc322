"""The engine for a pair of languages, as the settings want it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Callable, Dict, List, Sequence

from apertium_engine import ApertiumEngine, list_modes
from apertium_modes import find_modes
from model_conventions import M2M, NLLB, open_folder
from translation_engine import Engine

from shared.config import Config

APERTIUM = "apertium"

EngineMaker = Callable[[], Engine]
"""Makes an engine when it is needed: a model takes memory, and several targets may need several."""


def settings_used(config: Config) -> Dict[str, object]:
    """The settings that the chosen engine reads."""
    engine = config.get("TRANSLATION_ENGINE", APERTIUM)
    if engine == APERTIUM:
        return {"TRANSLATION_ENGINE": engine}
    return {
        "TRANSLATION_ENGINE": engine,
        "TRANSLATION_MODEL": config.get("TRANSLATION_MODEL", ""),
        "TRANSLATION_CONVENTION": config.get("TRANSLATION_CONVENTION", "auto"),
        "TRANSLATION_DEVICE": config.get("TRANSLATION_DEVICE", "cpu"),
        "TRANSLATION_COMPUTE_TYPE": config.get("TRANSLATION_COMPUTE_TYPE", "int8"),
        "TRANSLATION_BEAM_SIZE": config.get("TRANSLATION_BEAM_SIZE", 4),
        "TRANSLATION_BATCH_TOKENS": config.get("TRANSLATION_BATCH_TOKENS", 512),
        "TRANSLATION_MAX_TOKENS": config.get("TRANSLATION_MAX_TOKENS", 200),
    }


def model_name(config: Config) -> str:
    """Under which name the spec declares the model that these settings need."""
    told = config.get("TRANSLATION_CONVENTION", "auto")
    return "multilingual" if told in (NLLB, M2M) else "translation"


def apertium_engines(source: str, targets: Sequence[str]) -> List[EngineMaker]:
    """An engine per target. Raises EngineError that lists what there is."""
    return [partial(ApertiumEngine, mode) for mode in find_modes(source, targets, list_modes())]


def ctranslate_engines(
    folder: Path, config: Config, source: str, targets: Sequence[str]
) -> List[EngineMaker]:
    """An engine per target.

    Raises EngineError for a model that is unfit or incomplete, and ModuleNotFoundError in an image
    without CTranslate2.
    """
    from ctranslate_engine import CTranslateEngine, ModelSettings  # Apertium's image lacks them

    settings = ModelSettings(
        device=config.get("TRANSLATION_DEVICE", "cpu"),
        compute_type=config.get("TRANSLATION_COMPUTE_TYPE", "int8"),
        beam_size=config.get("TRANSLATION_BEAM_SIZE", 4),
        batch_tokens=config.get("TRANSLATION_BATCH_TOKENS", 512),
        longest=config.get("TRANSLATION_MAX_TOKENS", 200),
    )
    convention = config.get("TRANSLATION_CONVENTION", "auto")
    found = [open_folder(folder, convention, source, target) for target in targets]
    return [partial(CTranslateEngine, files, settings) for files in found]
