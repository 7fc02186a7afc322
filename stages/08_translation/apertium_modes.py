"""Which pairs of languages Apertium can translate."""

from __future__ import annotations

from typing import List, Optional, Sequence

from translation_engine import EngineError

from shared.languages import same_language


def find_mode(source: str, target: str, modes: Sequence[str]) -> str:
    """Apertium's name for a pair, such as eng-spa or eng-cat_valencia for ca-valencia.

    Raises EngineError that lists what there is.
    """
    found = [mode for mode in modes if _is_for(mode, source, target)]
    wanted = "_".join(target.split("-")[1:]).lower()
    for variant in (wanted, ""):
        for mode in found:
            if mode.partition("_")[2].lower() == variant:
                return mode
    message = (
        f"Apertium cannot translate from {source} into {target}. It has {_listed(modes)}. Choose"
        " other TARGET_LANGUAGES, or TRANSLATION_ENGINE=ctranslate2 with a model for them."
    )
    raise EngineError(message)


def _is_for(mode: str, source: str, target: str) -> bool:
    one, dash, other = mode.partition("_")[0].partition("-")
    return bool(dash) and same_language(one, source) and same_language(other, target)


def _listed(modes: Sequence[str]) -> str:
    pairs: List[Optional[str]] = list(dict.fromkeys(mode.partition("_")[0] for mode in modes))
    return ", ".join(map(str, pairs)) or "no pair of languages"
