"""Shortens URLs.

POST /api/shorten  {"url": "https://…"}   201 {"code": …, "url": …}
GET  /api/urls                            the newest hundred
GET  /r/CODE                              302 to the URL; counts the click
GET  /healthz                             ok
"""

import hashlib
import json
import os

import small_http
import snip
from small_http import Reply

_CODE_LENGTH = 7
_LONGEST_URL = 2048
# Also tells who had the code before.
_INSERT = (
    "INSERT INTO urls (code, target) VALUES (:code, :target)"
    " ON CONFLICT (code) DO UPDATE SET code = EXCLUDED.code RETURNING target"
)


class Shortener:
    """Answers requests."""

    def __init__(self, database, cache):
        self._database = database
        self._cache = cache

    def answer(self, request):
        """The reply to a request."""
        path = request.path.rstrip("/")
        if path in {"/healthz", "/health"}:
            return Reply("ok\n")
        if path in {"/api/shorten", "/shorten"} and request.method == "POST":
            return self._shorten(request.body)
        if path in {"/api/urls", "/urls"}:
            return snip.answer_json(self._newest())
        if path.startswith("/r/"):
            return self._follow(path.removeprefix("/r/"))
        return snip.answer_json({"error": "not found"}, 404)

    def _shorten(self, body):
        try:
            url = json.loads(body)["url"]
        except (ValueError, KeyError, TypeError):
            return snip.answer_json({"error": 'the body must be {"url": "https://…"}'}, 400)
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            return snip.answer_json({"error": "only http:// and https:// are shortened"}, 400)
        if len(url) > _LONGEST_URL or any(ord(letter) < 33 for letter in url):
            return snip.answer_json({"error": "not a URL"}, 400)
        code = self._stored(url)
        self._cache.put(code, url)
        return snip.answer_json({"code": code, "url": url}, 201)

    def _stored(self, url):
        """The code of a URL; a longer one where another URL has the short one."""
        digest = hashlib.sha256(url.encode()).hexdigest()
        for length in range(_CODE_LENGTH, len(digest) + 1):
            code = digest[:length]
            [[target]] = self._database.run(_INSERT, code=code, target=url)
            if target == url:
                return code
        raise AssertionError("two URLs have the same SHA-256")

    def _newest(self):
        rows = self._database.run(
            "SELECT code, target, created FROM urls ORDER BY created DESC, code LIMIT 100"
        )
        return [{"code": code, "url": url, "created": created} for code, url, created in rows]

    def _follow(self, code):
        target = self._cache.get(code)
        if target is None:
            rows = self._database.run("SELECT target FROM urls WHERE code = :code", code=code)
            if not rows:
                return snip.answer_json({"error": "no such code"}, 404)
            target = rows[0][0]
            self._cache.put(code, target)
        self._database.run("INSERT INTO clicks (code) VALUES (:code)", code=code)
        return Reply("", 302, headers={"Location": target})


def main():
    """Serve until told to stop."""
    database = snip.Database(os.environ.get("POSTGRES_DSN", ""))
    shortener = Shortener(database, snip.Cache(os.environ.get("REDIS_ADDR", "")))
    small_http.Server(snip.port(8080), snip.guarded(shortener.answer)).run()


if __name__ == "__main__":
    main()
