"""What a container prints, and a reader that keeps what it read."""

import json
from pathlib import Path
from typing import Any

from runner.events import Event, LogLine
from runner.host.container import STDERR
from runner.run.output import Output
from runner.run.redaction import Redaction

TIME = "2026-11-21T09:14:03.123Z"


def record(**parts: Any) -> bytes:
    return b"\x1e" + json.dumps(parts).encode() + b"\n"


def log(message: str = "hello", **parts: Any) -> bytes:
    return record(
        **{"seq": 1, "type": "log", "time": TIME, "level": "INFO", **parts}, message=message
    )


class Reader:
    """An Output whose events are kept."""

    def __init__(self, folder: Path, *secrets: str) -> None:
        self.events: list[Event] = []
        self.output = Output(
            stage="06_asr",
            run_id="r",
            log=folder / "output.log",
            emit=self.events.append,
            redaction=Redaction(secrets),
        )

    def read(self, *chunks: bytes, stream: int = STDERR) -> "Reader":
        self.output.read((stream, chunk) for chunk in chunks)
        return self

    @property
    def kept(self) -> bytes:
        return self.output.log.read_bytes()

    @property
    def messages(self) -> list[str]:
        return [item.message for item in self.events if isinstance(item, LogLine)]
