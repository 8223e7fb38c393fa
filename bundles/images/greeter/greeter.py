"""Greets over HTTP: `greeter --port 9090`.

    GET /greeter/greet?name=Ada    Hello, Ada!  and which version in which environment says so
    GET /                          what this is, as JSON
    GET /healthz                   ok

Variables: GREETING (default Hello), VERSION (default: tag of the image), ENVIRONMENT.
"""

import json
import os
import sys

import small_http
from small_http import Reply


def main(arguments, *, details=True):
    """Serve until told to stop; `details` says version and environment in the greeting too."""
    port = int(small_http.option(arguments, "port", os.environ.get("PORT", "9090")))
    greeter = Greeter(os.environ, details=details)
    small_http.Server(port, greeter.answer).run()


class Greeter:
    """Answers requests."""

    def __init__(self, variables, *, details):
        self._greeting = variables.get("GREETING") or "Hello"
        self._details = details
        self._about = {
            "service": "greeter",
            "version": variables.get("VERSION") or _tag(variables.get("CHOREO_IMAGE", "")),
            "environment": variables.get("ENVIRONMENT", ""),
            "host": variables.get("HOSTNAME", ""),
        }
        shown = ("version", "environment", "host")
        self._headers = {f"X-Greeter-{name.title()}": self._about[name] for name in shown}

    def answer(self, request):
        """The reply to a request."""
        path = request.path.rstrip("/")
        if request.method not in {"GET", "HEAD"}:
            return Reply("only GET is served\n", 405, headers={"Allow": "GET, HEAD"})
        if path in {"/greeter/greet", "/greet"}:
            name = request.query.get("name") or "Stranger"
            return Reply(self._text(name), headers=self._headers)
        if path in {"/health", "/healthz", "/readyz"}:
            return Reply("ok\n")
        if path in {"", "/greeter"}:
            body = json.dumps(self._about) + "\n"
            return Reply(body, content_type="application/json", headers=self._headers)
        return Reply("404 page not found\n", 404)

    def _text(self, name):
        greeting = f"{self._greeting}, {name}!"
        version, environment = self._about["version"], self._about["environment"]
        if not self._details or not (version or environment):
            return f"{greeting}\n"
        where = f" in {environment}" if environment else ""
        return f"{greeting} I am greeter{' ' + version if version else ''}{where}.\n"


def _tag(image):
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2]


if __name__ == "__main__":
    main(sys.argv[1:])
