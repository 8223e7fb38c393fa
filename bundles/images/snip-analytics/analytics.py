"""Counts the clicks of the URL shortener.

GET /api/analytics         clicks of all codes, most first
GET /api/analytics/CODE    clicks of one
GET /healthz               ok
"""

import os

import small_http
import snip
from small_http import Reply

_COUNTS = (
    "SELECT urls.code, urls.target, count(clicks.code), max(clicks.at) FROM urls"
    " LEFT JOIN clicks ON clicks.code = urls.code"
)


class Analytics:
    """Answers requests."""

    def __init__(self, database):
        self._database = database

    def answer(self, request):
        """The reply to a request."""
        path = request.path.rstrip("/")
        if path in {"/healthz", "/health"}:
            return Reply("ok\n")
        if path == "/api/analytics":
            grouped = " GROUP BY urls.code, urls.target ORDER BY 3 DESC, 1 LIMIT 100"
            return snip.answer_json([_shown(row) for row in self._database.run(_COUNTS + grouped)])
        if path.startswith("/api/analytics/"):
            return self._one(path.removeprefix("/api/analytics/"))
        return snip.answer_json({"error": "not found"}, 404)

    def _one(self, code):
        chosen = " WHERE urls.code = :code GROUP BY urls.code, urls.target"
        rows = self._database.run(_COUNTS + chosen, code=code)
        if not rows:
            return snip.answer_json({"error": "no such code"}, 404)
        return snip.answer_json(_shown(rows[0]))


def _shown(row):
    code, url, clicks, last = row
    return {"code": code, "url": url, "clicks": clicks, "lastClick": last}


def main():
    """Serve until told to stop."""
    analytics = Analytics(snip.Database(os.environ.get("POSTGRES_DSN", "")))
    small_http.Server(snip.port(8081), snip.guarded(analytics.answer)).run()


if __name__ == "__main__":
    main()
