"""A web page that shows what the greeter says: `web --port 8080`.

    GET /?name=Ada    the page
    GET /api/greeting?name=Ada    the greeter's answer as JSON
    GET /healthz      ok, whether or not the greeter answers

Variables: GREETER_URL (where the greeter is), TITLE, VERSION, ENVIRONMENT.
"""

import json
import os
import sys

import small_http
from small_http import Reply

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 36rem; margin: 10vh auto; padding: 0 1rem;
  color: #1c2430; }}
blockquote {{ margin: 1.5rem 0; padding: 1rem 1.5rem; background: {colour}; border-radius: .5rem;
  font-size: 1.4rem; }}
small {{ color: #5b6675; }}
</style></head>
<body><h1>{title}</h1>
<form><label>Your name <input name="name" value="{name}"></label> <button>Greet</button></form>
<blockquote>{answer}</blockquote>
<small>web {version} {environment} · greeter at {url}</small>
</body></html>
"""


def main(arguments):
    """Serve until told to stop."""
    port = int(small_http.option(arguments, "port", os.environ.get("PORT", "8080")))
    small_http.Server(port, Web(os.environ).answer).run()


class Web:
    """Answers requests; asks the greeter for each page."""

    def __init__(self, variables):
        self._url = variables.get("GREETER_URL", "").rstrip("/")
        self._title = variables.get("TITLE") or "Greetings"
        tag = variables.get("CHOREO_IMAGE", "").rpartition(":")[2]
        self._version = variables.get("VERSION") or tag
        self._environment = variables.get("ENVIRONMENT", "")

    def answer(self, request):
        """The reply to a request."""
        if request.method not in {"GET", "HEAD"}:
            return Reply("only GET is served\n", 405, headers={"Allow": "GET, HEAD"})
        name = request.query.get("name", "")
        if request.path == "/":
            status, text = self._ask(name)
            return Reply(self._page(name, status, text), content_type="text/html; charset=utf-8")
        if request.path == "/api/greeting":
            status, text = self._ask(name)
            body = json.dumps({"greeting": text, "status": status, "greeter": self._url}) + "\n"
            code = 200 if status == 200 else 502
            return Reply(body, code, content_type="application/json")
        if request.path in {"/health", "/healthz", "/readyz"}:
            return Reply("ok\n")
        return Reply("404 page not found\n", 404)

    def _ask(self, name):
        """Status and text of the greeter's answer; status 0 when there is none."""
        if not self._url:
            return 0, "no greeter is connected: GREETER_URL is not set"
        try:
            url = f"{self._url}/greeter/greet?name={small_http.quote(name)}"
            status, text = small_http.fetch(url)
        except (OSError, ValueError) as error:
            return 0, f"the greeter does not answer: {error}"
        return status, text.strip()

    def _page(self, name, status, text):
        shown = {
            "title": self._title,
            "name": name,
            "answer": text,
            "version": self._version,
            "environment": f"in {self._environment}" if self._environment else "",
            "url": self._url or "nowhere",
        }
        colour = "#e7f5ec" if status == 200 else "#fdeaea"
        return PAGE.format(colour=colour, **{key: escape(value) for key, value in shown.items()})


def escape(text):
    """Text as HTML shows it."""
    for letter, name in (("&", "amp"), ("<", "lt"), (">", "gt"), ('"', "quot")):
        text = text.replace(letter, f"&{name};")
    return text


if __name__ == "__main__":
    main(sys.argv[1:])
