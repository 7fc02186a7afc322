"""What git says of a folder's files."""

import os
import subprocess
from pathlib import Path

from runner.errors import UsageError


def git_words(folder: Path, *words: str, asked_by: str) -> list[str]:
    """What a git command prints, taken apart at NUL; ``asked_by`` is the option that needs it.

    Raises UsageError when git is not there, or with what it says.
    """
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, check=True)
    except FileNotFoundError:
        msg = f"{asked_by} asks git, which is not installed here. Name what you mean instead."
        raise UsageError(msg) from None
    except subprocess.CalledProcessError as problem:
        said = (os.fsdecode(problem.stderr).strip().splitlines() or ["nothing"])[0]
        msg = f"{asked_by} asks git in {folder}, which says: {said}"
        raise UsageError(msg) from None
    return [word for word in os.fsdecode(done.stdout).split("\0") if word]
