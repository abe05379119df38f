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

from domain.credentials import masked

MAX_VALUE = 256


def configure(level: str) -> None:
    """Set up logging for this process; libraries' messages take the same form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _shorten,
    ]
    render = structlog.processors.JSONRenderer(serializer=_dumps)
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=_StandardError,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[_plain, render])
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


class _StandardError:
    """Writes a line to standard error as it is *now*: it may have been replaced since."""

    def __init__(self, *_arguments: Any) -> None:
        """Bind nothing."""

    def msg(self, line: str) -> None:
        """Write one line."""
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    debug = info = warning = error = critical = exception = log = msg


def _plain(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(_logger, _method, event)


def _shorten(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str):
            text = masked(value)
            long = len(text) > MAX_VALUE and name != "exception"
            event[name] = text[:MAX_VALUE] + "…" if long else text
        elif isinstance(value, list):
            event[name] = [masked(each) if isinstance(each, str) else each for each in value]
    return event


def _dumps(value: Any, **_options: Any) -> str:
    return orjson.dumps(value, default=str).decode()
