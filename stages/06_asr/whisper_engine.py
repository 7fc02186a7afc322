"""Turns speech into segments with Whisper, as CTranslate2 runs it."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import ctranslate2
import numpy as np
from asr_errors import DeviceError, ModelError
from clips import PORTION_SECONDS, clips_of, portions_of
from faster_whisper import BatchedInferencePipeline, WhisperModel
from faster_whisper.vad import VadOptions, get_speech_timestamps
from hearing import Heard
from name_hints import name_hints
from processors import processors
from utterances import LONGEST_SECONDS, Utterance, prepared, read_utterances
from whisper_errors import check_model_folder, listening, loading
from whisper_settings import WhisperSettings, iso_code, language_code

from shared.recording import SAMPLE_RATE_HZ, Recording
from shared.transcript import Segment, Word

# Above temperature 0 the engine draws words by chance; with a fixed seed it draws the same ones.
_SEED = 1
# Silero, where no earlier stage has looked for speech: short pauses are the seams of clips.
_PAUSE_MILLISECONDS = 500
# So many windows may be needed until one of them leaves no doubt about the language.
_WINDOWS_FOR_LANGUAGE = 4
# Below this the detected language is a guess.
_DOUBTFUL = 0.5
_WHOLE_SCALE = 32768.0
UNKNOWN_LANGUAGE = "und"


@dataclass(frozen=True)
class Task:
    """What to listen to: the files, the model, the wished language and the film's names."""

    recording: Path
    speech: Optional[Path]
    model: Path
    language: str
    names: Tuple[str, ...]


class WhisperEngine:
    """Listens to a recording where an earlier stage heard speech, or else where it hears some.

    Raises DeviceError, ModelError, SettingError, GpuMemoryError and UnsupportedLanguageError.
    """

    def __init__(self, task: Task, settings: WhisperSettings, logger: logging.Logger) -> None:
        self._task = task
        self._settings = settings
        self._logger = logger
        self._model = _load(task.model, settings)
        self._code = language_code(task.language, _languages(self._model), task.model.name)
        self.language = UNKNOWN_LANGUAGE if self._code is None else iso_code(self._code)
        self.warnings: List[str] = []

    def listen(self) -> Iterator[Heard]:
        """What is said, segment by segment. Raises GpuMemoryError, DeviceError and SpeechError."""
        ctranslate2.set_random_seed(_SEED)
        with Recording(self._task.recording) as recording, listening():
            if self._task.speech is None:
                utterances = prepared(_heard(recording), recording)
            else:
                utterances = read_utterances(self._task.speech, recording)
            clips = clips_of(utterances)
            self._logger.info("%d utterances in %d clips", len(utterances), len(clips))
            if clips and self._code is None:
                self._detect_language(recording, clips)
            arguments = self._arguments()
            for portion in portions_of(clips):
                yield from self._listen_to(recording, portion, arguments)

    def _arguments(self) -> Dict[str, Any]:
        hints = name_hints(self._task.names, self._count_tokens)
        if self._settings.names != "none" and hints.given:
            told = (self._settings.names, hints.used, hints.given)
            self._logger.info("Names handed to Whisper as %s: %d of %d", *told)
        arguments = self._settings.arguments(hints.text)
        arguments.update(language=self._code, word_timestamps=True, without_timestamps=False)
        return arguments

    def _listen_to(
        self, recording: Recording, portion: Sequence[Utterance], arguments: Dict[str, Any]
    ) -> Iterator[Heard]:
        offset, end = portion[0].start, portion[-1].end
        spans = [(clip.start - offset, clip.end - offset) for clip in portion]
        sound = _samples(recording, offset, end)
        if self._settings.batch_size > 1:
            clips = [{"start": first, "end": last} for first, last in spans]
            pipeline = BatchedInferencePipeline(self._model)
            found, _ = pipeline.transcribe(sound, clip_timestamps=clips, **arguments)
        else:
            times = [time for span in spans for time in span]
            found, _ = self._model.transcribe(sound, clip_timestamps=times, **arguments)
        for part in found:
            segment = self._segment(part, offset, end)
            yield Heard(segment, end if segment is None else segment.end)
        yield Heard(None, end)

    def _segment(self, part: Any, offset: float, end: float) -> Optional[Segment]:
        text = part.text.strip()
        if not text:
            return None
        words = tuple(
            Word(
                word=word.word.strip(),
                start=_time(offset, word.start, end),
                end=_time(offset, word.end, end),
                confidence=round(float(word.probability), 3),
            )
            for word in part.words or ()
            if word.word.strip()
        )
        return Segment(
            start=_time(offset, min([part.start, *(word.start for word in part.words or ())]), end),
            end=_time(offset, max([part.end, *(word.end for word in part.words or ())]), end),
            text=text,
            confidence=round(min(1.0, math.exp(part.avg_logprob)), 3),
            words=words,
            suspect=self._doubt(part),
        )

    def _doubt(self, part: Any) -> Optional[str]:
        """Why the engine itself would rather not have written this."""
        settings = self._settings
        if part.avg_logprob >= settings.logprob_threshold:
            return None
        if part.no_speech_prob > settings.no_speech_threshold:
            return f"the engine hears no speech: probability {part.no_speech_prob:.2f}"
        return f"the engine is unsure: average log probability {part.avg_logprob:.2f}"

    def _detect_language(self, recording: Recording, clips: Sequence[Utterance]) -> None:
        sound, wanted = [], _WINDOWS_FOR_LANGUAGE * LONGEST_SECONDS
        for clip in clips:
            if wanted <= 0:
                break
            sound.append(_samples(recording, clip.start, clip.end))
            wanted -= clip.end - clip.start
        self._code, probability, _ = self._model.detect_language(
            np.concatenate(sound), language_detection_segments=_WINDOWS_FOR_LANGUAGE
        )
        self.language = iso_code(str(self._code))
        self._logger.info("The language is %s (probability %.2f)", self.language, probability)
        if probability < _DOUBTFUL:
            self.warnings.append(
                f"The language was taken for {self.language}, with a probability of"
                f" {probability:.2f} only. Set SOURCE_LANGUAGE if it is another."
            )

    def _count_tokens(self, text: str) -> int:
        return len(self._model.hf_tokenizer.encode(" " + text, add_special_tokens=False).ids)


def _load(folder: Path, settings: WhisperSettings) -> WhisperModel:
    _check_device(settings.device)
    check_model_folder(folder)
    with loading(folder, settings.compute_type):
        model = WhisperModel(
            str(folder),
            device=settings.device,
            compute_type=settings.compute_type,
            cpu_threads=processors(),
            local_files_only=True,
        )
    expected, given = model.model.n_mels, model.feature_extractor.mel_filters.shape[0]
    if expected != given:
        message = (
            f"The model in {folder} wants {expected} mel bands, and would get {given}: its"
            " preprocessor_config.json is missing or of another model. Copy that file too."
        )
        raise ModelError(message)
    return model


def _check_device(device: str) -> None:
    if device != "cuda":
        return
    try:
        found, why = ctranslate2.get_cuda_device_count(), "CTranslate2 finds no GPU"
    except RuntimeError as error:
        found, why = 0, str(error)
    if found == 0:
        message = (
            f"ASR_DEVICE asks for CUDA, but the container has no GPU that can be used: {why}. Grant"
            " the stage a GPU and see that the host's driver works, or set ASR_DEVICE to cpu."
        )
        raise DeviceError(message)


def _languages(model: WhisperModel) -> List[str]:
    """The codes of the languages that the model's vocabulary has."""
    tokenizer = model.hf_tokenizer
    if not model.model.is_multilingual:
        return ["en"]
    return [
        code
        for code in model.supported_languages
        if tokenizer.token_to_id(f"<|{code}|>") is not None
    ]


def _heard(recording: Recording) -> Iterator[Utterance]:
    options = VadOptions(
        min_silence_duration_ms=_PAUSE_MILLISECONDS,
        speech_pad_ms=0,
        max_speech_duration_s=LONGEST_SECONDS,
    )
    for start in range(0, math.ceil(recording.seconds), int(PORTION_SECONDS)):
        sound = _samples(recording, start, start + PORTION_SECONDS)
        for part in get_speech_timestamps(sound, options):
            first, last = part["start"] / SAMPLE_RATE_HZ, part["end"] / SAMPLE_RATE_HZ
            yield Utterance(start + first, start + last)


def _samples(recording: Recording, start: float, end: float) -> Any:
    """A float32 array between -1 and 1."""
    data = np.frombuffer(recording.read(start, end), dtype="<i2")
    return data.astype(np.float32) / _WHOLE_SCALE


def _time(offset: float, seconds: float, latest: float) -> float:
    """Seconds from the recording's start; the engine rounds beyond the end of what it was given."""
    return round(min(offset + float(seconds), latest), 3)
