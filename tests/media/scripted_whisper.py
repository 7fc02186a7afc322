"""Writes a Whisper model that says what a script tells it: `python3 scripted_whisper.py FOLDER`.

It has the shape of a real model, converted for CTranslate2, but is two megabytes of numbers without
any training: the decoder knows only at which position it is, and the output layer has for each
position the token of the script. Each word takes 0.4 s. So the whole library runs, and what comes
out is known, whatever the sound.

Needs numpy, ctranslate2 and tokenizers, and therefore runs where Whisper runs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs.whisper_spec import WhisperSpec
from faster_whisper.tokenizer import _LANGUAGE_CODES
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

WIDTH = 128
HEADS = 1
WINDOW_FRAMES = 1500
WORD_FRAMES = 20
POSITIONS = 448
END, START = "<|endoftext|>", "<|startoftranscript|>"
TASKS = ("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>")
NO_TIMES = "<|notimestamps|>"
SCRIPT = "0.00 Hello from the scripted model. 2.00 2.40 This is a second segment. 4.40"


@dataclass(frozen=True)
class Vocabulary:
    """Text tokens first, then the special ones, then the times, as Whisper numbers them."""

    texts: list[str]
    special: list[str]
    times: list[str]

    @property
    def all(self) -> list[str]:
        return self.texts + self.special + self.times

    def number(self, token: str) -> int:
        return self.all.index(token)


def words_of(script: str) -> list[str]:
    """The script's tokens: times as `<|2.00|>`, words with the mark of the blank before them."""
    return [
        f"<|{float(word):.2f}|>" if word.replace(".", "", 1).isdigit() else as_bytes(" " + word)
        for word in script.split()
    ]


def as_bytes(text: str) -> str:
    """The text as a vocabulary writes it: one letter for every byte."""
    [(token, _)] = pre_tokenizers.ByteLevel(
        add_prefix_space=False, use_regex=False
    ).pre_tokenize_str(text)
    return str(token)


def vocabulary(script: list[str], languages: list[str]) -> Vocabulary:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [word for word in dict.fromkeys(script) if not word.startswith("<|")]
    texts = alphabet + [word for word in words if word not in alphabet]
    # CTranslate2 takes a model for multilingual if its vocabulary has an empty word.
    texts += [""] if len(languages) > 1 else []
    spoken = [f"<|{language}|>" for language in languages]
    times = [f"<|{step * 0.02:.2f}|>" for step in range(WINDOW_FRAMES + 1)]
    return Vocabulary(texts, [END, START, *spoken, *TASKS, NO_TIMES], times)


def save_tokenizer(words: Vocabulary, folder: Path) -> None:
    numbers = {word or "<empty>": number for number, word in enumerate(words.texts)}
    tokenizer = Tokenizer(models.BPE(vocab=numbers, merges=[], ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in words.special]
    )
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in words.times])
    tokenizer.save(str(folder / "tokenizer.json"))


def fill(spec: Any, mels: int) -> None:
    """Numbers for every layer: the encoder tells when, the decoder how far the script is."""

    def zero(*shape: int) -> Any:
        return np.zeros(shape, np.float32)

    def normal(part: Any) -> None:
        part.gamma, part.beta = np.ones(WIDTH, np.float32), zero(WIDTH)

    def linear(part: Any, outputs: int, inputs: int) -> None:
        part.weight, part.bias = zero(outputs, inputs), zero(outputs)

    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = zero(WIDTH, mels, 3), zero(WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = zero(WIDTH, WIDTH, 3), zero(WIDTH)
    encoder.position_encodings.encodings = one_hot(
        WINDOW_FRAMES, lambda frame: frame // WORD_FRAMES
    )
    normal(encoder.layer_norm)
    normal(decoder.layer_norm)
    for layer in (*encoder.layer, *decoder.layer):
        normal(layer.self_attention.layer_norm)
        linear(layer.self_attention.linear[0], 3 * WIDTH, WIDTH)
        linear(layer.self_attention.linear[1], WIDTH, WIDTH)
        normal(layer.ffn.layer_norm)
        linear(layer.ffn.linear_0, 4 * WIDTH, WIDTH)
        linear(layer.ffn.linear_1, WIDTH, 4 * WIDTH)
    for layer in decoder.layer:
        normal(layer.attention.layer_norm)
        linear(layer.attention.linear[0], WIDTH, WIDTH)
        linear(layer.attention.linear[1], 2 * WIDTH, WIDTH)
        linear(layer.attention.linear[2], WIDTH, WIDTH)


def one_hot(rows: int, column: Callable[[int], int]) -> Any:
    """A row for each number, with a one in its column."""
    found = np.zeros((rows, WIDTH), np.float32)
    for row in range(rows):
        found[row, min(column(row), WIDTH - 1)] = 1
    return found


def set_times(spec: Any, first: int) -> None:
    """Each word of the script, the first of which is at that position, looks at its own 0.4 s."""
    for layer in spec.decoder.layer:
        layer.attention.linear[0].weight[: WIDTH - first, first:] = np.eye(WIDTH - first)
        layer.attention.linear[1].weight[:WIDTH] = np.eye(WIDTH)


def set_script(spec: Any, script: list[str], words: Vocabulary, certainty: float) -> None:
    """Position n of the decoder leads to token n of the script, and to no other."""
    size = len(words.all)
    projection = np.zeros((size, WIDTH), np.float32)
    for position, token in enumerate(script):
        projection[words.number(token), position] = certainty
    spec.decoder.position_encodings.encodings = one_hot(POSITIONS, lambda position: position)
    spec.decoder.embeddings.weight = np.zeros((size, WIDTH), np.float32)
    spec.decoder.projection.weight = projection


def build(folder: Path, options: argparse.Namespace) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    languages = ["en"] if options.english_only else list(_LANGUAGE_CODES)
    script = words_of(options.script)
    words = vocabulary(script, languages)
    # The prompt is the start, the language and the task, or for an English model the start alone;
    # what follows the start is also where the language is read from.
    before = [] if options.english_only else [f"<|{options.language}|>", "<|transcribe|>"]
    chain = [*before, *script, END]
    spec = WhisperSpec(1, HEADS, 1, HEADS)
    fill(spec, options.mels)
    set_script(spec, chain, words, options.certainty)
    set_times(spec, len(before) + 1)
    spec.register_vocabulary(words.all)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [words.number(END)]
    spec.config.lang_ids = [words.number(f"<|{language}|>") for language in languages]
    spec.config.alignment_heads = [[0, 0]]
    spec.validate()
    spec.save(str(folder))
    save_tokenizer(words, folder)
    features = {"feature_size": options.mels, "sampling_rate": 16000, "hop_length": 160}
    features.update(chunk_length=30, n_fft=400)
    (folder / "preprocessor_config.json").write_text(json.dumps(features))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--script", default=SCRIPT, help="words, and the times between them")
    parser.add_argument("--language", default="en", help="the one that is detected")
    parser.add_argument("--certainty", type=float, default=5.0, help="below 1: improbable texts")
    parser.add_argument("--mels", type=int, default=80)
    parser.add_argument("--english-only", action="store_true")
    options = parser.parse_args()
    build(options.folder, options)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
