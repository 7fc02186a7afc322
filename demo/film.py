"""Makes the demo's film, in the image of the stage that reads it: python demo/film.py FILM."""

import os
import sys
from pathlib import Path

import docker

FOLDER = Path(__file__).resolve().parent


def main() -> int:
    """Writes the film unless it is there; ffmpeg is in the image, so the host needs none."""
    target = Path(sys.argv[1]).absolute()
    if target.exists():
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    print(f"making the demo's film {sys.argv[1]}")
    client = docker.from_env(timeout=600)  # it waits for the film, too
    client.containers.run(
        "stagerun/01_demux:main",
        ["python3", "/demo/make_clip.py", f"/film/{target.name}.part.mkv"],
        mounts=[
            docker.types.Mount("/demo", str(FOLDER), type="bind", read_only=True),
            docker.types.Mount("/film", str(target.parent), type="bind"),
        ],
        user=f"{os.getuid()}:{os.getgid()}",
        network_mode="none",
        remove=True,
    )
    client.close()
    target.with_name(f"{target.name}.part.mkv").rename(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
