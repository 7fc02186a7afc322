"""Which pairs of languages Apertium can translate."""

from __future__ import annotations

from typing import List, Optional, Sequence

from translation_engine import EngineError

from shared.languages import same_language


def find_modes(source: str, targets: Sequence[str], modes: Sequence[str]) -> List[str]:
    """Apertium's name for each pair, such as eng-spa, or eng-cat_valencia for ca-valencia.

    Raises EngineError that lists what there is.
    """
    found = {target: _find_mode(source, target, modes) for target in targets}
    missing = [target for target, mode in found.items() if mode is None]
    if missing:
        pairs = ", ".join(dict.fromkeys(mode.partition("_")[0] for mode in modes))
        message = (
            f"Apertium cannot translate from {source} into {', '.join(missing)}. It has"
            f" {pairs or 'no pair of languages'}. Choose other TARGET_LANGUAGES, or"
            " TRANSLATION_ENGINE=ctranslate2 with a model for them."
        )
        raise EngineError(message)
    return [mode for mode in found.values() if mode is not None]


def _find_mode(source: str, target: str, modes: Sequence[str]) -> Optional[str]:
    wanted = "_".join(target.split("-")[1:]).lower()
    for variant in (wanted, ""):
        for mode in modes:
            pair, _, its_variant = mode.partition("_")
            if its_variant.lower() == variant and _is_for(pair, source, target):
                return mode
    return None


def _is_for(pair: str, source: str, target: str) -> bool:
    one, _, other = pair.partition("-")
    return same_language(one, source) and same_language(other, target)
