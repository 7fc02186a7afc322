"""Makes malformed manifests of good ones: keys, values or bytes are not what they should be."""

import json
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from tests.unit.run.stage_folders import RUN

DIGEST = "sha256:" + "0" * 64
TIME = "2026-11-21T09:14:02.120Z"
FULL: dict[str, Any] = {
    "schema_version": 1,
    "stage": "asr",
    "stage_number": 6,
    "stage_id": "06_asr",
    "run_id": RUN,
    "status": "success",
    "timestamp": TIME,
    "completed_at": TIME,
    "duration_seconds": 1.5,
    "exit_code": 0,
    "inputs": [{"type": "audio", "path": "01_demux/a.wav", "size_bytes": 9, "checksum": DIGEST}],
    "outputs": [{"type": "text", "path": "06_asr/segments.json", "size_bytes": 2, "exists": True}],
    "intermediate_files": [{"path": "06_asr/x", "retained": True, "reason": "r", "size_bytes": 1}],
    "config": {"A": "b"},
    "models": {},
    "resources": {"cpu": 1.0},
    "warnings": ["w"],
    "errors": ["e", {"message": "m", "timestamp": TIME, "exception_type": "E", "traceback": "t"}],
    "reason": None,
    "error": None,
}
PATHS = [
    *("", ".", "..", "/", "\0", "06_asr", "06_asr/", "06_asr/.", "06_asr//x", "06_asr/../x"),
    *("/job/06_asr/segments.json", "/etc/passwd", "a\nb", "\x1b[2J", "x" * 5000, "06_asr/\u202e"),
]
ODD: list[Any] = [
    *(None, True, False, 0, -1, 6.0, 1.5, -0.0, 1e308, 10**30, "6", "1.5", "true", "yes", "null"),
    *([], {}, [[]], [{}], {"": ""}, [None], [1], "success", "failed", "SUCCESS", "0" * 300),
    *(1700000000, "1700000000", "2026-11-21", "2026-11-21T09:14:02", "2026-11-21 09:14:02Z"),
    *("2026-13-41T25:61:61Z", "sha256:" + "g" * 64, DIGEST + "\n", DIGEST.upper(), "md5:0"),
    *PATHS,
]
VALUES = st.sampled_from(ODD) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=4,
)
TOKENS = [
    *(b"", b",", b":", b"{", b"}", b"[", b"]", b'"', b"\\", b"\x00", b"\xff", b"\xed\xa0\x80"),
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-", b"01", b"0x1", b"\xef\xbb\xbf", b"//"),
    *(b'"\\ud800"', b'"\\u0000"', b"[" * 300, b"{" * 300, b'{"a":' * 300, b"9" * 5000),
    *(b'"status":"failed",', b'"stage":7,', b"null", b"true", b"tru", b"'x'", b"\n", b"\xc2"),
]


def _places(node: Any) -> list[tuple[Any, Any]]:
    """Every container in a document with each of its keys or indices."""
    found = []
    waiting = [node]
    while waiting:
        here = waiting.pop()
        keys = list(here) if isinstance(here, dict) else range(len(here))
        for key in keys:
            found.append((here, key))
            if isinstance(here[key], dict | list):
                waiting.append(here[key])
    return found


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """A good manifest with up to three values exchanged, removed or added."""
    document = json.loads(json.dumps(FULL))
    for _ in range(draw(st.integers(0, 3))):
        holder, key = draw(st.sampled_from(_places(document)))
        action = draw(
            st.sampled_from(["exchange", "exchange", "exchange", "remove", "add", "text"])
        )
        if action == "remove":
            del holder[key]
        elif action == "text":
            holder[key] = str(holder[key])
        elif action == "exchange" or isinstance(holder, list):
            holder[key] = deepcopy(draw(VALUES))
        else:
            holder[draw(st.text(max_size=6))] = deepcopy(draw(VALUES))
    return json.dumps(document, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


@st.composite
def torn(draw: st.DrawFn) -> bytes:
    """The same with bytes cut out, doubled, put in or changed."""
    data = draw(documents())
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([0, 0, 1, 2, 5, 40, 10**6])))
        middle = draw(
            st.sampled_from(TOKENS) | st.binary(max_size=4) | st.just(data[start:end] * 2)
        )
        data = data[:start] + middle + data[end:]
    return data
