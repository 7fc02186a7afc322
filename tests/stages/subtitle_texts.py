"""What cues show, and a text in Chinese."""

from __future__ import annotations

from collections.abc import Sequence

from cue import Cue

CHINESE = "河水在夜里上涨\uff0c旧桥被关闭了\u3002没有人知道雨会下多久\u3002"


def solid(text: str) -> str:
    return "".join(text.split())


def shown(cues: Sequence[Cue]) -> str:
    return solid("".join("".join(cue.lines) for cue in cues))
