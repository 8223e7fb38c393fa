"""Logging set-up: one line a record, constant messages, key=value details.

Library code does not log; the runtime of the controllers, request middleware and the command do.
"""

from __future__ import annotations

import logging
import logging.handlers
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_FORMAT = "%(asctime)s %(levelname).1s %(name)s %(message)s"


def set_up(file: Path | None, *, level: int = logging.INFO) -> None:
    """Send records of the process to `file`, or to standard error when there is none."""
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler()
    else:
        handler = logging.handlers.RotatingFileHandler(
            file, maxBytes=5_000_000, backupCount=2, encoding="utf-8"
        )
    handler.setFormatter(logging.Formatter(_FORMAT))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level)
    for noisy in ("kopf", "aiohttp.access", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class ObjectLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger whose records carry fixed details, e.g. `Component=default/greeter`."""

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        """Append the fixed details and those passed as `details=` to the message."""
        details: Mapping[str, Any] = {**(self.extra or {}), **kwargs.pop("details", {})}
        suffix = " ".join(f"{key}={value}" for key, value in details.items())
        return (f"{msg} {suffix}" if suffix else msg), kwargs


def for_object(logger: logging.Logger, **details: Any) -> ObjectLogger:
    """A logger that says which object it speaks of."""
    return ObjectLogger(logger, details)
