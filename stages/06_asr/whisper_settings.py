"""How Whisper is to listen: the settings, read once and checked before anything is loaded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterable, Optional, Tuple

from asr_errors import SettingError, UnsupportedLanguageError

from shared.config import Config
from shared.languages import same_language

AUTOMATIC = "auto"
_NARROWEST = {"cpu": "int8", "cuda": "float16"}
# Whisper was taught one code that ISO 639-1 does not have.
_OWN_CODES = {"jw": "jv"}


@dataclass(frozen=True)
class WhisperSettings:
    """All that decides what Whisper writes; thresholds as the engine knows them."""

    device: str
    compute_type: str
    batch_size: int
    beam_size: int
    temperatures: Tuple[float, ...]
    compression_ratio_threshold: float
    logprob_threshold: float
    no_speech_threshold: float
    condition_on_previous_text: bool
    initial_prompt: str
    names: str

    def recorded(self) -> Dict[str, object]:
        """The settings by their keys, as the manifest shows them."""
        return {f"ASR_{name.upper()}": value for name, value in asdict(self).items()}

    def arguments(self, hints: str) -> Dict[str, Any]:
        """The keyword arguments of ``transcribe`` in the engine's library."""
        prompt, hotwords = self.initial_prompt.strip(), None
        if self.names == "hotwords":
            hotwords = hints or None
        elif self.names == "prompt":
            prompt = f"{prompt} {hints}".strip()
        arguments: Dict[str, Any] = {
            "beam_size": self.beam_size,
            "temperature": list(self.temperatures),
            "compression_ratio_threshold": self.compression_ratio_threshold,
            "log_prob_threshold": self.logprob_threshold,
            # With a threshold the library drops the words; without one they are kept, and marked.
            "no_speech_threshold": None,
            "condition_on_previous_text": self.condition_on_previous_text,
            "initial_prompt": prompt or None,
            "hotwords": hotwords,
        }
        if self.batch_size > 1:
            arguments["batch_size"] = self.batch_size
        return arguments

    def unheeded(self) -> Optional[str]:
        """What the engine does not do with these settings, though they ask for it."""
        if self.batch_size == 1:
            return None
        asked = []
        if len(self.temperatures) > 1:
            asked.append(f"only the first of ASR_TEMPERATURES, {self.temperatures[0]:g}")
        if self.condition_on_previous_text:
            asked.append("no ASR_CONDITION_ON_PREVIOUS_TEXT")
        return f"With ASR_BATCH_SIZE above 1 Whisper uses {' and '.join(asked)}." if asked else None


def read_settings(config: Config, variant: str) -> WhisperSettings:
    """The settings; a device left to choose is that of the variant that runs.

    Raises SettingError and ConfigError.
    """
    device = config.get("ASR_DEVICE", AUTOMATIC)
    if device == AUTOMATIC:
        device = "cuda" if variant == "cuda" else "cpu"
    compute_type = config.get("ASR_COMPUTE_TYPE", AUTOMATIC)
    return WhisperSettings(
        device=device,
        compute_type=_NARROWEST[device] if compute_type == AUTOMATIC else compute_type,
        batch_size=config.get_int("ASR_BATCH_SIZE"),
        beam_size=config.get_int("ASR_BEAM_SIZE"),
        temperatures=_temperatures(config.get_list("ASR_TEMPERATURES")),
        compression_ratio_threshold=config.get_float("ASR_COMPRESSION_RATIO_THRESHOLD"),
        logprob_threshold=config.get_float("ASR_LOGPROB_THRESHOLD"),
        no_speech_threshold=config.get_float("ASR_NO_SPEECH_THRESHOLD"),
        condition_on_previous_text=config.get_bool("ASR_CONDITION_ON_PREVIOUS_TEXT"),
        initial_prompt=config.get("ASR_INITIAL_PROMPT") or "",
        names=config.get("ASR_NAMES", "hotwords"),
    )


def language_code(wish: str, known: Iterable[str], model: str) -> Optional[str]:
    """The engine's code for the language that SOURCE_LANGUAGE names; None where it shall listen.

    ``known`` are the codes of the model's languages. Raises UnsupportedLanguageError.
    """
    codes = tuple(known)
    if wish.strip().lower() == AUTOMATIC and len(codes) > 1:
        return None
    found = next((code for code in codes if same_language(wish, iso_code(code))), None)
    if found is not None:
        return found
    if len(codes) == 1:
        message = (
            f"SOURCE_LANGUAGE is {wish!r}, and the model {model} understands English only. Set"
            " SOURCE_LANGUAGE to en if the film is in English, or ASR_MODEL to a model for many"
            f" languages ({model.removesuffix('.en')}, say)."
        )
    else:
        message = (
            f"SOURCE_LANGUAGE is {wish!r}, which the model {model} does not know. It knows auto and"
            f" {', '.join(sorted(map(iso_code, codes)))}."
        )
    raise UnsupportedLanguageError(message)


def iso_code(code: str) -> str:
    """The ISO 639 code for a code of Whisper's."""
    return _OWN_CODES.get(code, code)


def _temperatures(words: Iterable[str]) -> Tuple[float, ...]:
    found = []
    for word in words:
        try:
            found.append(float(word))
        except ValueError:
            found.append(-1.0)
        if not 0 <= found[-1] <= 1:
            message = f"ASR_TEMPERATURES has {word!r}; each must be a number from 0 to 1."
            raise SettingError(message)
    if not found:
        message = "ASR_TEMPERATURES is empty; give at least one number from 0 to 1, such as 0."
        raise SettingError(message)
    return tuple(found)
