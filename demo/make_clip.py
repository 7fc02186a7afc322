"""Makes the demo's film: a test picture, and two voices that read spoken.txt over music in stereo.

Run it where ffmpeg is, for example in the project's ffmpeg image:

    mkdir -p demo/media
    docker run --rm --network none --user "$(id -u):$(id -g)" \
        --volume "$PWD/demo:/demo:ro" --volume "$PWD/demo/media:/media" \
        stagerun/parent-ffmpeg:current python3 /demo/make_clip.py /media/clip.mkv
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

SPOKEN = Path(__file__).with_name("spoken.txt")
VOICES = ("slt", "awb")  # two of the voices inside ffmpeg that a recogniser understands
PAUSE_MS = 700
CLIP_SECONDS = 46  # a little more than the voices need
PICTURE = "testsrc2=size=320x180:rate=25"
RATE_HZ = 48000
# Steps in semitones above a low A; each side plays its own, so that the music is wide and the
# voices alone are in the middle.
MELODIES = ((0, 7, 12, 16, 12, 7), (3, 10, 15, 19, 22, 15))
NOTES_A_SECOND = (2, 3)
LOUDNESS = 0.08


def music() -> str:
    """The source of the music: on each side a tone and its octave that change with the notes."""
    return f"aevalsrc={'|'.join(map(_side, MELODIES, NOTES_A_SECOND))}:s={RATE_HZ}"


def _side(melody: tuple[int, ...], notes_a_second: int) -> str:
    note = f"mod(floor(t*{notes_a_second}),{len(melody)})"
    frequency = "+".join(
        f"eq({note},{number})*{110 * 2 ** (step / 12):.2f}" for number, step in enumerate(melody)
    )
    tone = f"sin(2*PI*t*({frequency}))+0.5*sin(4*PI*t*({frequency}))"
    # Each note fades, as on a plucked string; without that its edges would click.
    return f"{LOUDNESS}*({tone})*exp(-4*mod(t*{notes_a_second},1)/{notes_a_second})".replace(
        ",", "\\,"
    )


def clip_command(sentences: list[Path], target: Path) -> list[str]:
    """The ffmpeg command for a clip in which each file is read in turn by the next voice."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
    for number, sentence in enumerate(sentences):
        voice = VOICES[number % len(VOICES)]
        command += ["-f", "lavfi", "-i", f"flite=textfile={sentence}:voice={voice}"]
    command += ["-f", "lavfi", "-i", PICTURE, "-f", "lavfi", "-i", music()]
    numbers = range(len(sentences))
    pauses = "".join(f"[{number}]adelay={PAUSE_MS}[spoken{number}];" for number in numbers)
    spoken = "".join(f"[spoken{number}]" for number in numbers)
    joined = f"{spoken}concat=n={len(sentences)}:v=0:a=1,apad,aresample={RATE_HZ}[mono];"
    joined += "[mono]pan=stereo|c0=c0|c1=c0[voices];"
    joined += f"[voices][{len(sentences) + 1}:a]amix=inputs=2:normalize=0[sound]"
    command += [
        "-filter_complex",
        pauses + joined,
        "-map",
        f"{len(sentences)}:v",
        "-map",
        "[sound]",
    ]
    command += ["-t", str(CLIP_SECONDS)]
    command += ["-c:v", "libx264", "-preset", "veryfast", "-crf", "30", "-pix_fmt", "yuv420p"]
    command += ["-c:a", "aac", "-b:a", "96k", "-metadata:s:a:0", "language=eng"]
    return [*command, f"file:{target}"]


def main() -> int:
    """Writes the clip to the path that is the only argument."""
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        sentences = []
        for number, line in enumerate(SPOKEN.read_text(encoding="utf-8").splitlines()):
            sentences.append(Path(folder, f"{number}.txt"))
            sentences[-1].write_text(line, encoding="utf-8")
        subprocess.run(clip_command(sentences, target), check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
