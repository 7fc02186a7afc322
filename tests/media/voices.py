"""Writes speech with known times, and mixes of it: `voices.py FOLDER [mixes]`, where ffmpeg is.

Standard library only, because it runs inside the project's ffmpeg image, whose ffmpeg can speak.
voices.json says what is said in voices.wav and when: the times between which it is louder than a
hundredth of its peak. Each mix is a film's sound as 01_demux hands it on, in a folder of its own.
"""

from __future__ import annotations

import array
import json
import math
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

HALF = 11.8  # between two sentences
MUSIC_SECONDS = 6  # after which both melodies begin anew
# What goes to which channel: c0 and c1 are the voices until HALF and after, c2 and c3 are music.
MIXES = {
    "narrow": "stereo|c0=c0+c1+c2|c1=c0+c1+c2",
    "wide": "stereo|c0=c0+c1+c2|c1=c0+c1+c3",
    "silent": "stereo|c0=0*c0|c1=0*c0",
    "opposed": "stereo|c0=c0+c1|c1=c0-1*c1",
    "left": "stereo|c0=c0+c1|c1=0*c0",
    "left_in_music": "stereo|c0=1.4*c0+1.4*c1+c2|c1=c3",
    "music_at_left": "stereo|c0=c0+c1+1.2*c2|c1=c0+c1+0.2*c3",
    "moving": "stereo|c0=c0+c1+0.3*c2|c1=c0+0.3*c3",
    "surround": "5.1|FL=c2|FR=c3|FC=c0+c1|LFE=c2|BL=0.5*c3|BR=0.5*c2",
    "surround_beside": "5.1|FL=c0+c1+0.1*c2|FR=0.1*c3|FC=0.001*c2|LFE=0*c0|BL=0.1*c3|BR=0.1*c2",
    "surround_front": "5.1|FL=c0+c1+c2|FR=c0+c1+c3|FC=0*c0|LFE=0*c0|BL=0*c0|BR=0*c0",
    "surround_moving": "5.1|FL=0.3*c2|FR=0.3*c3|FC=c0|LFE=0*c0|BL=c1|BR=0.3*c2",
}


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


def melody(notes: tuple[int, ...], loudness: float) -> str:
    """A tone with overtones that changes twice a second, as loud as the voice while it speaks."""
    pitch = "".join(f"+{note}*eq(mod(floor(2*t),{len(notes)}),{n})" for n, note in enumerate(notes))
    tones = "+".join(f"sin({n}*2*PI*t*(0{pitch}))/{n}" for n in (1, 2, 3, 4))
    return f"{1.2 * loudness:.4f}*({tones})"


def write_mixes(folder: Path) -> None:
    """surround.flac and audio.wav for each of MIXES."""
    with wave.open(str(folder / "voices.wav"), "rb") as file:
        samples = array.array("h", file.readframes(file.getnframes()))
    floor = max(samples) / 100
    spoken = [sample / 32768 for sample in samples if abs(sample) > floor]
    loudness = math.sqrt(sum(sample * sample for sample in spoken) / len(spoken))
    sides = "|".join(melody(notes, loudness) for notes in ((220, 277, 330), (196, 247, 294, 392)))
    source = f"aevalsrc='{sides}':s=48000:c=stereo:d={MUSIC_SECONDS}"
    ffmpeg("-f", "lavfi", "-i", source, "-c:a", "pcm_f32le", folder / "music.wav")
    quieter = "volume=0.4,aformat=sample_fmts=flt:channel_layouts"
    parts = (
        f"[0:a]aresample=48000,{quieter}=mono,asplit[a][b];[1:a]{quieter}=stereo[m];"
        f"[a]volume=0:enable='gte(t,{HALF})'[a];[b]volume=0:enable='lt(t,{HALF})'[b];"
        "[a][b][m]amerge=inputs=3,pan="
    )
    for name, mix in MIXES.items():
        (folder / name).mkdir()
        inputs = ["-i", folder / "voices.wav", "-stream_loop", -1, "-i", folder / "music.wav"]
        both: list[str | Path] = [
            "-filter_complex",
            f"{parts}{mix},asplit[whole][mono]",
            "-map",
            "[whole]",
        ]
        both += ["-c:a", "flac", folder / name / "surround.flac", "-map", "[mono]"]
        ffmpeg(*inputs, *both, "-ac", 1, "-ar", RATE, folder / name / "audio.wav")


def main() -> int:
    folder = Path(sys.argv[1])
    write_voices(folder)
    if "mixes" in sys.argv[2:]:
        write_mixes(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
