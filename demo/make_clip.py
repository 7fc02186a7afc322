"""Makes the demo's film: a test picture, and two voices that read spoken.txt.

Run it where ffmpeg is, for example in the project's ffmpeg image:

    mkdir -p out
    docker run --rm --network none --user "$(id -u):$(id -g)" \
        --volume "$PWD/demo:/demo:ro" --volume "$PWD/out:/out" \
        stagerun/parent-ffmpeg:current python3 /demo/make_clip.py /out/clip.mkv
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


def clip_command(sentences: list[Path], target: Path) -> list[str]:
    """The ffmpeg command for a clip in which each file is read in turn by the next voice."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
    for number, sentence in enumerate(sentences):
        voice = VOICES[number % len(VOICES)]
        command += ["-f", "lavfi", "-i", f"flite=textfile={sentence}:voice={voice}"]
    command += ["-f", "lavfi", "-i", PICTURE]
    numbers = range(len(sentences))
    pauses = "".join(f"[{number}]adelay={PAUSE_MS}[spoken{number}];" for number in numbers)
    spoken = "".join(f"[spoken{number}]" for number in numbers)
    joined = f"{spoken}concat=n={len(sentences)}:v=0:a=1,apad[sound]"
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
