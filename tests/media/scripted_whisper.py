"""Writes a Whisper model that says what a script tells it: `python3 scripted_whisper.py FOLDER`.

It has the shape of a real model, converted for CTranslate2, but is a few megabytes of numbers
without any training: after each token of the script comes the next one, and after any other token
the end. Each token takes 0.4 s. So the whole library runs, and what comes out is known, whatever
the sound and the processor.

Needs numpy, ctranslate2 and tokenizers, and therefore runs where Whisper runs.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs.whisper_spec import WhisperSpec
from faster_whisper.tokenizer import _LANGUAGE_CODES
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

# The decoder's state: which token of the script it is at, at which position, and how late that is.
TOKENS, STEPS = 128, 64
LATE = TOKENS + STEPS
WIDTH = LATE + 1
WINDOW_FRAMES, STEP_FRAMES = 1500, 20
POSITIONS = 448
END, START = "<|endoftext|>", "<|startoftranscript|>"
LISTEN = "<|transcribe|>"
TASKS = ("<|translate|>", LISTEN, "<|startoflm|>", "<|startofprev|>", "<|nospeech|>")
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


def tokens_of(script: str) -> list[str]:
    """Times as `<|2.00|>`, words as the vocabulary writes them; `_` joins words to one token.

    A token has one successor. So a word that comes again is cut in two, each time elsewhere, but
    not behind the blank, which alone is a token that Whisper may not use.
    """
    tokens: list[str] = []
    for word in script.split():
        if word.replace(".", "", 1).isdigit():
            tokens.append(f"<|{float(word):.2f}|>")
            continue
        text = as_letters(" " + word.replace("_", " "))
        cut = next(
            cut
            for cut in (0, *range(2, len(text)))
            if text[:cut] not in tokens and text[cut:] not in tokens
        )
        tokens += [part for part in (text[:cut], text[cut:]) if part]
    return tokens


def as_letters(text: str) -> str:
    """The text with one letter for every byte."""
    splitter = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    [(letters, _)] = splitter.pre_tokenize_str(text)
    return str(letters)


def vocabulary(script: list[str], languages: list[str]) -> Vocabulary:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [token for token in script if not token.startswith("<|")]
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


def zero(*shape: int) -> Any:
    return np.zeros(shape, np.float32)


def fill(spec: Any, mels: int) -> None:
    """Zeros for every layer: each hands its input on."""

    def linear(part: Any, outputs: int, inputs: int) -> None:
        part.weight, part.bias = zero(outputs, inputs), zero(outputs)

    def normal(part: Any) -> None:
        part.gamma, part.beta = np.ones(WIDTH, np.float32), zero(WIDTH)

    encoder, decoder = spec.encoder, spec.decoder
    linear(encoder.conv1, WIDTH, mels)
    linear(encoder.conv2, WIDTH, WIDTH)
    encoder.conv1.weight, encoder.conv2.weight = zero(WIDTH, mels, 3), zero(WIDTH, WIDTH, 3)
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


def set_script(spec: Any, chain: list[str], words: Vocabulary, certainty: float) -> None:
    """Each token of the chain leads to the next one, and any other token to the end."""
    embedding, projection = zero(len(words.all), WIDTH), zero(len(words.all), WIDTH)
    embedding[:, TOKENS - 1] = 1
    for column, token in enumerate(chain[:-1]):
        embedding[words.number(token)] = 0
        embedding[words.number(token), column] = 1
        projection[words.number(chain[column + 1]), column] = certainty
    projection[words.number(END), TOKENS - 1] = certainty
    spec.decoder.embeddings.weight, spec.decoder.projection.weight = embedding, projection


def set_step(vector: Any, step: int) -> None:
    step = min(step, STEPS - 1)
    vector[TOKENS + step], vector[LATE] = 1, step / STEPS


def set_times(spec: Any, before: int) -> None:
    """Each token looks at 0.4 s of the sound, the one after so many of the prompt at the first.

    Later ones look a little more at what comes later. Else all would look alike at the sound after
    the last, and the library, which compares them there too, would be led by errors of rounding.
    """
    frames, positions = zero(WINDOW_FRAMES, WIDTH), zero(POSITIONS, WIDTH)
    for frame in range(WINDOW_FRAMES):
        set_step(frames[frame], frame // STEP_FRAMES)
    for position in range(POSITIONS):
        set_step(positions[position], max(position - before, 0))
    spec.encoder.position_encodings.encodings = frames
    spec.decoder.position_encodings.encodings = positions
    for layer in spec.decoder.layer:
        for linear in layer.attention.linear[:2]:
            linear.weight[TOKENS:WIDTH, TOKENS:] = np.eye(WIDTH - TOKENS)


def build(folder: Path, options: argparse.Namespace) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    languages = ["en"] if options.english_only else list(_LANGUAGE_CODES)
    script = tokens_of(options.script)
    words = vocabulary(script, languages)
    # What follows the start is also where the language is read from.
    prompt = [START] if options.english_only else [START, f"<|{options.language}|>", LISTEN]
    spec = WhisperSpec(1, 1, 1, 1)
    fill(spec, options.mels)
    set_script(spec, [*prompt, *script, END], words, options.certainty)
    set_times(spec, len(prompt))
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
    parser.add_argument(
        "--certainty", type=float, default=5.0, help="0.8: words two thirds as probable"
    )
    parser.add_argument("--mels", type=int, default=80)
    parser.add_argument("--english-only", action="store_true")
    options = parser.parse_args()
    build(options.folder, options)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
