"""Errors as the manifest lists them."""

from __future__ import annotations

import traceback
from typing import Any, Dict, Final, Optional

from shared.clock import utc_text
from shared.plain_values import clean_text, text_of

LONGEST_TRACEBACK: Final = 20_000


def error_entry(message: object, exception: Optional[BaseException]) -> Dict[str, Any]:
    """One entry: when, what, and where in the program; a long traceback keeps its end."""
    if exception is None and isinstance(message, BaseException):
        exception = message
    text = text_of(message)
    if not text and exception is not None:
        text = type(exception).__name__
    return {
        "timestamp": utc_text(),
        "message": text,
        "exception_type": type(exception).__name__ if exception is not None else None,
        "traceback": _traceback(exception) if exception is not None else None,
    }


def _traceback(exception: BaseException) -> str:
    lines = traceback.format_exception(type(exception), exception, exception.__traceback__)
    return clean_text("".join(lines)[-LONGEST_TRACEBACK:])
