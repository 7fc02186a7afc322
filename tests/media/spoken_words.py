"""Writes speech whose word edges are known: `python3 spoken_words.py FOLDER`, where ffmpeg is.

Each word is spoken alone and cut to its sound, then put behind the one before with a pause. Writes
words.wav (16 kHz mono) and words.json: for each sentence its text, and each word with its times.
Standard library only, because it runs inside the project's ffmpeg image.
"""

from __future__ import annotations

import array
import json
import subprocess
import sys
import tempfile
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RATE = 16000
# A word begins and ends where its sound is louder than this, out of 32768.
AUDIBLE = 200
BETWEEN_SENTENCES = 0.8
SENTENCES: dict[str, Sequence[str]] = {
    "slt": (
        "The train leaves the station early in the morning.",
        "My brother wants to buy a new house near the river.",
        "Nobody knows where the old captain hid the money.",
    ),
    "rms": (
        "She opened the window and looked at the garden.",
        "Please bring me a glass of cold water.",
        "We should finish this work before the winter comes.",
    ),
}


def speak(texts: Sequence[str], voice: str) -> list[array.array[int]]:
    """Each text as samples, in one run of ffmpeg."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
        for place, text in enumerate(texts):
            spoken = Path(folder) / f"{place}.txt"
            spoken.write_text(text)
            command += ["-f", "lavfi", "-i", f"flite=textfile={spoken}:voice={voice}"]
        for place in range(len(texts)):
            kind = ["-map", f"{place}:a", "-ar", str(RATE), "-ac", "1", "-f", "s16le"]
            command += [*kind, f"{folder}/{place}.raw"]
        subprocess.run(command, check=True)
        found = []
        for place in range(len(texts)):
            found.append(array.array("h", (Path(folder) / f"{place}.raw").read_bytes()))
        return found


def audible(samples: array.array[int]) -> array.array[int]:
    """The samples from the first to the last that can be heard."""
    loud = [place for place, sample in enumerate(samples) if abs(sample) > AUDIBLE]
    return samples[loud[0] : loud[-1] + 1]


def silence(seconds: float) -> array.array[int]:
    """So many samples of nothing."""
    return array.array("h", bytes(2 * round(seconds * RATE)))


def join_words(texts: dict[str, Sequence[str]]) -> tuple[array.array[int], list[dict[str, Any]]]:
    """All sentences, word by word, with the times of each."""
    track = silence(1.0)
    sentences: list[dict[str, Any]] = []
    for voice, sentence in ((voice, text) for voice, row in texts.items() for text in row):
        words = []
        for place, sound in enumerate(speak(sentence.rstrip(".").split(), voice)):
            track += silence(0.04 + 0.026 * (7 * place % 11))
            start = len(track) / RATE
            track += audible(sound)
            word = sentence.split()[place]
            words.append({"word": word, "start": start, "end": len(track) / RATE})
        sentences.append({"text": sentence, "voice": voice, "words": words})
        track += silence(BETWEEN_SENTENCES)
    return track, sentences


def write_sound(samples: array.array[int], path: Path) -> None:
    """A WAV file with 16 kHz mono sound."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def main() -> int:
    folder = Path(sys.argv[1])
    track, sentences = join_words(SENTENCES)
    write_sound(track, folder / "words.wav")
    (folder / "words.json").write_text(json.dumps(sentences, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
