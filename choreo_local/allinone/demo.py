"""The demo answers: the moment at which a first start has kept its promise."""

from __future__ import annotations

import contextlib
import http.client
import time

from choreo_local.errors import WaitTimeoutError

COMPONENT = "greeter"
HOST = "development-default.openchoreoapis.localhost"
PATH = "/greeter-http"
_POLL_SECONDS = 0.01
_ANSWER_SECONDS = 2


def url(port: int) -> str:
    """Where the greeter of the demo answers in development."""
    return f"http://{HOST}:{port}{PATH}"


def wait_until_answering(port: int, *, timeout_seconds: float) -> None:
    """Return with the first HTTP 200 through the gateway."""
    deadline = time.monotonic() + timeout_seconds
    last = "no answer"
    while time.monotonic() < deadline:
        try:
            status = _ask(port)
        except (OSError, http.client.HTTPException) as error:
            last = str(error) or type(error).__name__
        else:
            if status == http.client.OK:
                return
            last = f"HTTP {status}"
        time.sleep(_POLL_SECONDS)
    raise WaitTimeoutError(
        f"the platform runs, but the demo does not answer at {url(port)}: {last}",
        remedy="See why: choreo why greeter --env development",
    )


def _ask(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    with contextlib.closing(connection):
        connection.request("GET", PATH, headers={"Host": f"{HOST}:{port}"})
        return connection.getresponse().status
