"""Log lines: JSON on stdout, a line an event, or text where stdout is a terminal.

No line holds a body, a key or an account. An exception within a request is told by its types and lines of code, without
its messages, which may quote what the client sent.
"""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import structlog
from structlog.typing import EventDict, ExcInfo, Processor

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request that is being answered; empty outside of one."""


def config() -> dict[str, Any]:
    """For `logging.config.dictConfig`, and for uvicorn's `log_config`: plain data, so that workers get it too."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "app.logs.formatter"}},
        "handlers": {"stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "line"}},
        "root": {"handlers": ["stdout"], "level": "WARNING"},
        "loggers": {"adl": {"level": "INFO"}, "uvicorn": {"level": "INFO"}},
    }


def formatter() -> logging.Formatter:
    """Fields given as `extra` stand beside timestamp (UTC), level, logger, event and request_id."""
    terminal = sys.stdout.isatty()
    shared: list[Processor] = [
        structlog.stdlib.ExtraAdder(),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _request,
        _exception,
    ]
    last: Processor = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
    )


def _request(_: Any, __: str, event: EventDict) -> EventDict:
    """Add the request's id, and leave out what uvicorn adds for colours."""
    event.pop("color_message", None)
    if current := request_id.get():
        event["request_id"] = current
    return event


def _exception(_: Any, __: str, event: EventDict) -> EventDict:
    """Put the traceback into the field `exception`."""
    info: ExcInfo | None = event.pop("exc_info", None)
    if info is not None and (exc := info[1]) is not None:
        lines = _places(exc, set()) if "request_id" in event else traceback.format_exception(exc)
        event["exception"] = "".join(lines).rstrip()
    return event


def _places(exc: BaseException, seen: set[int]) -> Iterator[str]:
    """The lines of code and the type of an exception, those that led to it before it; without messages."""
    seen.add(id(exc))
    earlier = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)
    grouped = exc.exceptions if isinstance(exc, BaseExceptionGroup) else ()
    for other in (earlier, *grouped):
        if other is not None and id(other) not in seen:
            yield from _places(other, seen)
    yield from traceback.format_tb(exc.__traceback__)
    yield f"{type(exc).__module__}.{type(exc).__qualname__}\n"
