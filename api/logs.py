"""Structured logs: one JSON object a line, on standard error.

JSON escapes control characters, so nothing a client sends can forge a line; long values are cut
(ABUSE L1). Tokens, secrets, bodies and filter values are never logged.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

MAX_VALUE = 256


def configure(level: str) -> None:
    """Set up logging for this process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _shorten,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format='{"event":"library","logger":"%(name)s"}'
    )


def _shorten(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str) and len(value) > MAX_VALUE and name != "exception":
            event[name] = value[:MAX_VALUE] + "…"
    return event


def _dumps(value: Any, **_options: Any) -> str:
    return orjson.dumps(value, default=str).decode()
