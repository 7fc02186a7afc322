"""The stage's configuration: text by key, with defaults where the stage reads it.

Under the runner it is what the runner resolved. Without one it is the environment variable of
exactly that key, else the default that the stage's spec declares.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Final,
    Iterator,
    List,
    Mapping,
    Optional,
    Tuple,
    TypeVar,
    Union,
    overload,
)

from shared.errors import ConfigError
from shared.logger import get_logger
from shared.open_stages import STAGES
from shared.request import HandedValue, Request, current_run_id, job_folder, load_request
from shared.spec import KeySpec, StageSpec, find_spec

Parsed = TypeVar("Parsed")
Default = TypeVar("Default")
TRUE_WORDS: Final = ("true", "yes", "on", "1")
FALSE_WORDS: Final = ("false", "no", "off", "0")


class _Required:
    """Stands for a default that was not given."""


REQUIRED: Final = _Required()


class Config(Mapping[str, str]):
    """Text by key, read-only.

    Without a spec every environment variable can be read by its name, but none is listed: a stage
    that records the whole configuration must not record the whole environment.
    """

    def __init__(self, values: Mapping[str, HandedValue], *, open_to_environment: bool) -> None:
        self._values = {key: value for key, value in values.items() if value.value is not None}
        self._open = open_to_environment

    def __getitem__(self, key: str) -> str:
        found = self._find(key)
        if found is None or found.value is None:
            raise KeyError(key)
        return found.value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Config({dict(self)!r})"

    def get(self, key: str, default: Any = None) -> Any:
        """The text of a key; parsed to the default's type if that is an int, float or bool.

        An unset key gives the default itself. Raises ConfigError for text that cannot be parsed.
        """
        found = self._find(key)
        if found is None:
            return default
        for kind, (parse, what) in _PARSERS.items():
            if type(default) is kind:
                return _parsed(key, found, parse, what)
        return found.value

    @overload
    def get_bool(self, key: str) -> bool: ...
    @overload
    def get_bool(self, key: str, default: Default) -> Union[bool, Default]: ...
    def get_bool(self, key: str, default: Any = REQUIRED) -> Any:
        """True for ``true``, ``yes``, ``on``, ``1``; False for ``false``, ``no``, ``off``, ``0``.

        Raises ConfigError for other text, and for no text without a default.
        """
        return self._typed(key, default, *_PARSERS[bool])

    @overload
    def get_int(self, key: str) -> int: ...
    @overload
    def get_int(self, key: str, default: Default) -> Union[int, Default]: ...
    def get_int(self, key: str, default: Any = REQUIRED) -> Any:
        """A whole number. Raises ConfigError as ``get_bool`` does."""
        return self._typed(key, default, *_PARSERS[int])

    @overload
    def get_float(self, key: str) -> float: ...
    @overload
    def get_float(self, key: str, default: Default) -> Union[float, Default]: ...
    def get_float(self, key: str, default: Any = REQUIRED) -> Any:
        """A number. Raises ConfigError as ``get_bool`` does."""
        return self._typed(key, default, *_PARSERS[float])

    @overload
    def get_path(self, key: str) -> Path: ...
    @overload
    def get_path(self, key: str, default: Default) -> Union[Path, Default]: ...
    def get_path(self, key: str, default: Any = REQUIRED) -> Any:
        """A path, as written. Raises ConfigError as ``get_bool`` does."""
        return self._typed(key, default, Path, "a path")

    def source(self, key: str) -> Optional[str]:
        """Where the value of a key was set, such as ``job.yaml line 7``; None if it is unset."""
        found = self._find(key)
        return None if found is None else found.source

    def get_list(self, key: str, default: Optional[List[str]] = None) -> List[str]:
        """The words of a text, parted by commas or white space; no words if it is unset."""
        found = self._find(key)
        if found is None or found.value is None:
            return list(default or [])
        return found.value.replace(",", " ").split()

    def _find(self, key: str) -> Optional[HandedValue]:
        found = self._values.get(key)
        if found is None and self._open and key in os.environ:
            return HandedValue(os.environ[key], "environment")
        return found

    def _typed(
        self, key: str, default: Any, parse: Callable[[str], Parsed], what: str
    ) -> Union[Parsed, Any]:
        found = self._find(key)
        if found is not None and (found.value or "").strip():
            return _parsed(key, found, parse, what)
        if default is not REQUIRED:
            return default
        source = "it is unset" if found is None else f"{found.source} leaves it empty"
        message = f"{key} must be {what}, and {source}. Set it, or give a default."
        raise ConfigError(message)


def load_config() -> Config:
    """The configuration of the stage that runs.

    Raises ConfigError for a value that its declaration refuses, RequestError when the runner's
    request is missing, SpecError when the spec cannot be understood.
    """
    run_id = current_run_id()
    if run_id is not None:
        return Config(_request(run_id).config, open_to_environment=False)
    spec = STAGES.current.spec if STAGES.current is not None else None
    spec = spec or find_spec()
    if spec is None:
        _WITHOUT_SPEC.tell()
        return Config({}, open_to_environment=True)
    return Config(_declared(spec), open_to_environment=False)


def _request(run_id: str) -> Request:
    stage = STAGES.current
    if stage is not None and stage.request is not None and stage.request.run_id == run_id:
        return stage.request
    return load_request(job_folder(), run_id)


def _declared(spec: StageSpec) -> Dict[str, HandedValue]:
    values = {}
    for key, declared in spec.config.items():
        if key in os.environ:
            values[key] = HandedValue(os.environ[key], "environment")
            _check(key, values[key], declared)
        else:
            values[key] = HandedValue(declared.default, str(spec.file))
    return values


def _check(key: str, value: HandedValue, declared: KeySpec) -> None:
    """Raises ConfigError unless an environment variable fits its declaration."""
    text = value.value or ""
    if declared.of is not None and text not in declared.of:
        message = _refused(key, value, f"one of {', '.join(declared.of)}")
        raise ConfigError(message)
    kind = {"int": int, "float": float, "bool": bool}.get(declared.type)
    if kind is None or not text.strip():
        return
    number = _parsed(key, value, *_PARSERS[kind])
    if declared.range is not None and not declared.range[0] <= number <= declared.range[1]:
        low, high = declared.range
        message = _refused(key, value, f"from {low:g} to {high:g}")
        raise ConfigError(message)


def _bool(text: str) -> bool:
    word = text.strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError(text)


_PARSERS: Final[Dict[type, Tuple[Callable[[str], Any], str]]] = {
    bool: (_bool, f"one of {', '.join(TRUE_WORDS + FALSE_WORDS)}"),
    int: (int, "a whole number"),
    float: (float, "a number"),
}


def _parsed(key: str, found: HandedValue, parse: Callable[[str], Parsed], what: str) -> Parsed:
    try:
        return parse(found.value or "")
    except ValueError:
        raise ConfigError(_refused(key, found, what)) from None


def _refused(key: str, found: HandedValue, what: str) -> str:
    return f"{key} is {found.value!r} ({found.source}), and must be {what}. Change it there."


class _Once:
    """A warning that one process gives once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lock = threading.Lock()
        self._told = False

    def tell(self) -> None:
        with self._lock:
            told, self._told = self._told, True
        if not told:
            get_logger(__name__).warning("%s", self._text)


_WITHOUT_SPEC: Final = _Once(
    "The stage's spec was not found (no spec.json beside stage.py, and no stage.yaml that could "
    "be read): settings come from the environment variables alone."
)
