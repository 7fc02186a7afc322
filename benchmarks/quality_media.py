"""Makes the recordings of the quality page, where ffmpeg is: `-m benchmarks.quality_media FOLDER`.

Writes for each recording NAME.wav, and NAME.json with what is said when. Standard library and the
tests' own speech only, because it runs inside the project's ffmpeg image.
"""

from __future__ import annotations

import array
import json
import math
import random
import subprocess
import sys
import wave
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, TypeAlias

from tests.media.spoken_words import AUDIBLE, RATE, join_words, silence, speak

Samples: TypeAlias = "array.array[int]"
SPEECH = Path(__file__).parents[1] / "tests" / "media" / "speech"
WORD_BY_WORD_SENTENCES = 16
HUMAN = ("0870", "0880", "0890", "0920", "0930")
SHORTEST_PAUSE = 0.3
# Two voices inside ffmpeg that a recogniser understands, and a third that it finds harder.
VOICES = {"slt": ("slt",), "mixed": ("slt", "rms", "awb")}
# Each side plays its own notes (semitones above a low A) with its own drum, as a wide mix does.
SIDES = ((0, 7, 12, 16, 12, 7, 4, 9), (3, 10, 15, 19, 22, 15, 8, 5))
NOTES_A_SECOND = (2.0, 3.0)
ORDER_OF_5_1 = ("left", "right", "centre", "low", "back left", "back right")


def spoken(texts: Sequence[str], voices: Sequence[str]) -> tuple[Samples, list[dict[str, Any]]]:
    """The sentences, each by the next voice, with a pause between them."""
    by_voice = {
        voice: iter(speak(list(texts)[number :: len(voices)], voice))
        for number, voice in enumerate(voices)
    }
    track = silence(1.0)
    said: list[dict[str, Any]] = []
    for text, voice in zip(texts, cycle(voices), strict=False):
        start = len(track) / RATE
        sound = next(by_voice[voice])
        track += sound
        said.append({"text": text, "speech": [[start + a, start + b] for a, b in heard(sound)]})
        track += silence(0.7)
    return track, said


def heard(sound: Sequence[int]) -> Iterator[tuple[float, float]]:
    """Where the sound can be heard; short pauses belong to it."""
    start = last = None
    for place, sample in enumerate(sound):
        if abs(sample) <= AUDIBLE:
            continue
        now = place / RATE
        if start is None or last is None:
            start = now
        elif now - last > SHORTEST_PAUSE:
            yield (start, last)
            start = now
        last = now
    if start is not None and last is not None:
        yield (start, last)


def human(folder: Path) -> tuple[Samples, list[dict[str, Any]]]:
    """What a person reads, with a second of silence around each utterance."""
    track = silence(1.0)
    said: list[dict[str, Any]] = []
    for name in HUMAN:
        start = len(track) / RATE
        document = json.loads((folder / f"sense_and_sensibility-{name}.json").read_text())
        words = [
            {"word": word["t"].split("(")[0], "start": start + word["b"],
             "end": start + word["b"] + word["d"]}
            for word in document["w"]
            if not word["t"].startswith("<")
        ]  # fmt: skip
        spans = [(word["start"], word["end"]) for word in words]
        said.append({"text": document["t"], "words": words, "speech": joined(spans)})
        with wave.open(str(folder / f"sense_and_sensibility-{name}.wav")) as file:
            track += array.array("h", file.readframes(file.getnframes()))
        track += silence(1.0)
    return track, said


def joined(spans: Sequence[tuple[float, float]]) -> list[list[float]]:
    """Spans of time, with short pauses between them closed."""
    found: list[list[float]] = []
    for start, end in spans:
        if found and start - found[-1][1] <= SHORTEST_PAUSE:
            found[-1][1] = end
        else:
            found.append([start, end])
    return found


def music(seconds: float, side: int, seed: int) -> Samples:
    """Notes that fade like plucked strings, a bass under them, and a drum on every second beat."""
    noise, notes, rate = random.Random(seed), SIDES[side], NOTES_A_SECOND[side]
    track = array.array("h")
    for place in range(round(seconds * RATE)):
        time = place / RATE
        beat, into = divmod(time * rate, 1.0)
        pitch = 2 * math.pi * 110 * 2 ** (notes[int(beat) % len(notes)] / 12) * time
        tone = (math.sin(pitch) + 0.5 * math.sin(2 * pitch) + 0.3 * math.sin(3 * pitch)) * (
            math.exp(-4 * into / rate)
        )
        bass = 0.6 * math.sin(2 * math.pi * 55 * 2 ** (notes[int(beat) // 4 % 8] % 12 / 12) * time)
        drum = noise.uniform(-1, 1) * math.exp(-40 * into / rate) if int(beat) % 2 else 0.0
        track.append(round(3000 * (tone + bass + drum)))
    return track


def level(samples: Sequence[int]) -> float:
    """The root mean square, pauses included: what decibels compare."""
    return math.sqrt(sum(sample * sample for sample in samples) / len(samples))


def level_without_pauses(samples: Sequence[int]) -> float:
    """The root mean square of what can be heard."""
    return level([sample for sample in samples if abs(sample) > AUDIBLE])


def scaled(samples: Samples, factor: float) -> Samples:
    """The samples, louder or softer; none beyond 16 bits."""
    return array.array("h", (max(-32768, min(32767, round(sample * factor))) for sample in samples))


def mixed(one: Samples, other: Samples) -> Samples:
    """Two sounds at once, at half their loudness, so that nothing is cut off."""
    return array.array("h", ((a + b) // 2 for a, b in zip(one, other, strict=True)))


class Studio:
    """Writes recordings into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, channels: Sequence[Samples], said: object, text: str) -> None:
        """A recording of one channel or more, what is said, and that as a text."""
        joined_channels = array.array("h", bytes(2 * len(channels) * len(channels[0])))
        for number, channel in enumerate(channels):
            joined_channels[number :: len(channels)] = channel
        path = self._folder / f"{name}.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(len(channels))
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(joined_channels.tobytes())
        if len(channels) == len(ORDER_OF_5_1):
            self._with_layout(path)
        truth = {"seconds": len(channels[0]) / RATE, "sentences": said}
        (self._folder / f"{name}.json").write_text(json.dumps(truth))
        (self._folder / f"{name}.txt").write_text(text)

    def with_music(self, name: str, speech: Samples, said: object, text: str) -> None:
        """The speech over music: in mono, in the middle of wide stereo, in the centre of 5.1."""
        seconds = len(speech) / RATE
        sides = [music(seconds, side, seed) for side, seed in ((0, 1), (1, 2), (0, 3), (1, 4))]
        at_0_db = [scaled(side, level(speech) / level(side)) for side in sides]
        at_10_db = scaled(at_0_db[0], 10 ** (-10 / 20))
        self.write(f"{name}-bed", [mixed(speech, at_10_db)], said, text)
        self.write(f"{name}-wide", [mixed(speech, side) for side in at_0_db[:2]], said, text)
        louder = level_without_pauses(speech) / level(speech)
        loud = [mixed(speech, scaled(side, louder)) for side in at_0_db[:2]]
        self.write(f"{name}-wide-loud", loud, said, text)
        nothing = silence(seconds)
        half = [mixed(side, nothing) for side in at_0_db]
        channels = [half[0], half[1], mixed(speech, nothing), nothing, half[2], half[3]]
        self.write(f"{name}-5.1", channels, said, text)

    @staticmethod
    def _with_layout(path: Path) -> None:
        """The same sound in a file that says which channel is which."""
        command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-channel_layout", "5.1"]
        target = path.with_suffix(".flac")
        subprocess.run([*command, "-i", str(path), str(target)], check=True)
        path.unlink()


def main() -> int:
    """Writes all recordings."""
    folder, here = Path(sys.argv[1]), Path(__file__).parent
    lines = (here / "quality_sentences.tsv").read_text(encoding="utf-8").splitlines()
    texts = [line.split("\t")[0] for line in lines]
    studio = Studio(folder)
    for name, voices in VOICES.items():
        track, said = spoken(texts, voices)
        studio.write(f"{name}-clean", [track], said, "\n".join(texts))
        if name == "slt":
            studio.with_music(name, track, said, "\n".join(texts))
    track, said = human(SPEECH)
    text = "\n".join(str(entry["text"]) for entry in said)
    studio.write("human-clean", [track], said, text)
    few = texts[:WORD_BY_WORD_SENTENCES]
    track, said = join_words({"slt": few[::2], "rms": few[1::2]})
    for entry in said:
        entry["speech"] = joined([(word["start"], word["end"]) for word in entry["words"]])
    text = "\n".join(str(entry["text"]) for entry in said)
    studio.write("words", [track], said, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
