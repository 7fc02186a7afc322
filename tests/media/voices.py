"""Writes speech with known times, and mixes of it: `python3 voices.py FOLDER`, where ffmpeg is.

Standard library only, because it runs inside the project's ffmpeg image, whose ffmpeg can speak.
voices.json says what is said in voices.wav and when: the times between which it is louder than a
hundredth of its peak.
"""

from __future__ import annotations

import array
import json
import subprocess
import sys
import wave
from pathlib import Path

RATE = 16000
SAID = (
    ("slt", "The weather was fine when we left the harbor."),
    ("rms", "Nobody had told the captain about the second letter."),
    ("slt", "Please bring the lamp and close the door behind you."),
    ("awb", "He walked slowly through the empty streets of the town."),
    ("slt", "Okay."),
    ("rms", "We should have been there three hours ago."),
)
PAUSES = (1.0, 0.8, 1.5, 0.6, 2.0, 1.2)


def ffmpeg(*arguments: object) -> None:
    """Runs ffmpeg, quiet unless something is wrong."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True)


def speak(voice: str, text: str, folder: Path) -> array.array[int]:
    """What the voice makes of the text, without the silence around it."""
    script, sound = folder / "said.txt", folder / "said.wav"
    script.write_text(text)
    ffmpeg("-f", "lavfi", "-i", f"flite=textfile={script}:voice={voice}", "-ar", RATE, sound)
    with wave.open(str(sound), "rb") as file:
        samples = array.array("h", file.readframes(file.getnframes()))
    script.unlink()
    sound.unlink()
    floor = max(map(abs, samples)) / 100
    loud = [number for number, sample in enumerate(samples) if abs(sample) > floor]
    return samples[loud[0] : loud[-1] + 1]


def write_voices(folder: Path) -> None:
    """voices.wav and voices.json: each sentence after its pause."""
    samples = array.array("h")
    said = []
    for (voice, text), pause in zip(SAID, PAUSES, strict=True):
        samples.extend([0] * round(pause * RATE))
        start = len(samples)
        samples.extend(speak(voice, text, folder))
        said.append({"start": start / RATE, "end": len(samples) / RATE, "text": text})
    samples.extend([0] * round(PAUSES[-1] * RATE))
    with wave.open(str(folder / "voices.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    (folder / "voices.json").write_text(json.dumps(said, indent=1) + "\n")


def main() -> int:
    write_voices(Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
