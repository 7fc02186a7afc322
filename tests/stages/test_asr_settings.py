"""What stage 06 decides before an engine listens."""

from __future__ import annotations

import itertools
import re
import wave
from pathlib import Path

import pytest
from asr_errors import (
    AsrError,
    DeviceError,
    GpuMemoryError,
    ModelError,
    SettingError,
    UnsupportedLanguageError,
)
from clips import clips_of, portions_of
from name_hints import NameHints, name_hints
from processors import processors
from utterances import Utterance, prepared, read_utterances
from whisper_errors import check_model_folder, listening, loading
from whisper_settings import WhisperSettings, language_code, read_settings

from shared.config import Config
from shared.recording import Recording
from shared.request import HandedValue
from shared.speech import Speech, write_speech
from shared.transcript import Word

KNOWN = ("en", "es", "he", "jw", "no", "yue", "zh")
DEFAULTS = {
    "ASR_BATCH_SIZE": "1",
    "ASR_BEAM_SIZE": "5",
    "ASR_TEMPERATURES": "0.0 0.2",
    "ASR_COMPRESSION_RATIO_THRESHOLD": "2.4",
    "ASR_LOGPROB_THRESHOLD": "-1.0",
    "ASR_NO_SPEECH_THRESHOLD": "0.6",
    "ASR_CONDITION_ON_PREVIOUS_TEXT": "no",
}


def settings(variant: str = "cpu", **values: str) -> WhisperSettings:
    handed = {key: HandedValue(value, "job.yaml") for key, value in {**DEFAULTS, **values}.items()}
    return read_settings(Config(handed, open_to_environment=False), variant)


def recording(folder: Path, seconds: int) -> Recording:
    with wave.open(str(folder / "audio.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(b"\0\0" * 16000 * seconds)
    return Recording(folder / "audio.wav")


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ("en", "en"),
        ("ENG", "en"),
        ("en-US", "en"),
        ("spa", "es"),
        ("jv", "jw"),
        ("nor", "no"),
        ("yue", "yue"),
        ("zh-Hant", "zh"),
        ("auto", None),
        ("Auto", None),
    ],
)
def test_every_spelling_of_a_language_is_understood(wish: str, code: str | None) -> None:
    assert language_code(wish, KNOWN, "small") == code


@pytest.mark.parametrize("wish", ["", "english", "tlh", "xx", "de"])
def test_an_unknown_language_is_refused_with_those_that_are_known(wish: str) -> None:
    with pytest.raises(UnsupportedLanguageError, match="It knows auto and en, es, he, jv, no"):
        language_code(wish, KNOWN, "small")


@pytest.mark.parametrize("wish", ["auto", "fr", ""])
def test_an_english_model_says_that_it_is_one(wish: str) -> None:
    with pytest.raises(UnsupportedLanguageError, match=r"base\.en understands English only"):
        language_code(wish, ["en"], "base.en")
    assert language_code("en-GB", ["en"], "base.en") == "en"


@pytest.mark.parametrize(
    ("variant", "device", "found"),
    [
        ("cpu", "auto", ("cpu", "int8")),
        ("cuda", "auto", ("cuda", "float16")),
        ("cpu", "cuda", ("cuda", "float16")),
        ("cuda", "cpu", ("cpu", "int8")),
    ],
)
def test_the_device_is_never_left_to_the_library(
    variant: str, device: str, found: tuple[str, str]
) -> None:
    chosen = settings(variant, ASR_DEVICE=device)
    assert (chosen.device, chosen.compute_type) == found
    assert settings(ASR_COMPUTE_TYPE="int16").compute_type == "int16"


@pytest.mark.parametrize("text", ["", "warm", "0 2", "-0.1", "nan"])
def test_temperatures_that_are_none_are_refused_by_name(text: str) -> None:
    with pytest.raises(SettingError, match="ASR_TEMPERATURES"):
        settings(ASR_TEMPERATURES=text)


def test_what_batches_cannot_do_is_said() -> None:
    assert settings().unheeded() is None
    assert settings(ASR_BATCH_SIZE="2", ASR_TEMPERATURES="0").unheeded() is None
    said = settings(ASR_BATCH_SIZE="2", ASR_CONDITION_ON_PREVIOUS_TEXT="yes").unheeded()
    assert said is not None
    assert "only the first of ASR_TEMPERATURES, 0" in said
    assert "no ASR_CONDITION_ON_PREVIOUS_TEXT" in said


def test_names_are_handed_over_whole_and_the_most_important_first() -> None:
    names = ["Ann", "  Bo \n Li ", "Ann", "", "x" * 61, *(f"N{n}" for n in range(100))]
    hints = name_hints(names, count_tokens=len)
    assert hints.text.startswith("Ann, Bo Li, N0, N1")
    assert hints.text.endswith(f"N{hints.used - 3}")
    assert len(hints.text) <= 80
    assert hints.given == 104
    assert name_hints([], len) == NameHints("", 0, 0)


def test_neighbours_share_a_window_but_never_across_a_long_silence() -> None:
    parts = [(0, 5), (6, 20), (21, 31), (34, 36), (39.5, 41)]
    clips = clips_of([Utterance(start, end) for start, end in parts])
    assert [(clip.start, clip.end) for clip in clips] == [(0, 20), (21, 36), (39.5, 41)]


def test_no_portion_is_longer_than_five_minutes() -> None:
    clips = [Utterance(start, start + 28) for start in range(0, 10800, 30)]
    portions = portions_of(clips)
    assert [clip for portion in portions for clip in portion] == clips
    assert max(portion[-1].end - portion[0].start for portion in portions) <= 300
    assert portions_of([]) == []


def test_utterances_get_air_and_never_meet(tmp_path: Path) -> None:
    given = [Speech(1.0, 2.0), Speech(2.1, 3.0), Speech(2.5, 2.9), Speech(2.6, 4.0), Speech(5, 5)]
    given += [Speech(-1, 0.1), Speech(9.5, 99), Speech(50, 60)]
    write_speech(given, tmp_path / "segments.json")
    with recording(tmp_path, 10) as sound:
        found = read_utterances(tmp_path / "segments.json", sound)
    times = [(utterance.start, utterance.end) for utterance in found]
    assert times[:2] == [pytest.approx((0.0, 0.3)), pytest.approx((0.7, 2.1))]
    assert times[-1] == pytest.approx((9.2, 10.0))
    for before, after in itertools.pairwise(found):
        assert before.start < before.end <= after.start + 0.3


def test_a_long_utterance_is_cut_into_windows(tmp_path: Path) -> None:
    with recording(tmp_path, 100) as sound:
        pieces = prepared([Utterance(0, 100)], sound)
    assert (pieces[0].start, pieces[-1].end) == (0, 100)
    assert all(piece.end - piece.start <= 30 for piece in pieces)
    assert all(one.end == two.start for one, two in itertools.pairwise(pieces))


def test_a_model_that_is_not_whole_is_refused_by_the_names_of_its_files(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is not there; it should hold model\.bin, config\.json"):
        check_model_folder(tmp_path / "none")
    for name in ("model.bin", "config.json"):
        (tmp_path / name).touch()
    missing = re.escape("lacks tokenizer.json, vocabulary.json or vocabulary.txt")
    with pytest.raises(ModelError, match=missing):
        check_model_folder(tmp_path)
    (tmp_path / "tokenizer.json").touch()
    (tmp_path / "vocabulary.txt").touch()
    check_model_folder(tmp_path)


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("CUDA failed with error out of memory", GpuMemoryError, "CUDA out of memory"),
        ("cuBLAS failed with status CUBLAS_STATUS_ALLOC_FAILED", GpuMemoryError, "ASR_BATCH_SIZE"),
        ("CUDA failed with error CUDA driver version is insufficient", DeviceError, "nvidia-smi"),
        ("Library libcublas.so.12 is not found or cannot be loaded", DeviceError, "libcublas"),
    ],
)
def test_what_a_gpu_gives_up_with_is_said_with_its_remedy(
    text: str, kind: type[AsrError], said: str
) -> None:
    with pytest.raises(kind, match=said), listening():
        raise RuntimeError(text)
    with pytest.raises(kind, match=said), loading(Path("/models/small"), "float16"):
        raise RuntimeError(text)


def test_any_other_error_while_listening_is_the_programs_own() -> None:
    error = RuntimeError("something else")
    with pytest.raises(RuntimeError) as caught, listening():
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    ("files", "number"),
    [
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "20000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4),
    ],
)
def test_the_engine_uses_as_many_processors_as_the_container_may(
    tmp_path: Path, files: dict[str, str], number: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert processors(tmp_path) == number


def test_without_a_limit_it_uses_those_of_the_machine(tmp_path: Path) -> None:
    assert processors(tmp_path) >= 1
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert processors(tmp_path) >= 1


@pytest.mark.parametrize(
    ("start", "end", "spoken"),
    [(0.75, 1.0, False), (0.85, 1.2, True), (1.9, 2.05, True), (2.0, 2.2, False)],
)
def test_a_word_in_the_air_around_the_speech_was_not_said(
    tmp_path: Path, start: float, end: float, *, spoken: bool
) -> None:
    with recording(tmp_path, 3) as sound:
        (utterance,) = prepared([Utterance(1.0, 2.0)], sound)
    assert utterance.start < start
    assert utterance.is_spoken(Word("oh", start, end)) is spoken
