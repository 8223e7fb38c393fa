"""The page of the URL shortener; what it asks goes to the two services behind it.

Variables: API_SERVICE_URL, ANALYTICS_SERVICE_URL, PORT.
"""

import os

import small_http
from small_http import Reply

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Short URLs</title>
<style>body{font:16px system-ui;max-width:40em;margin:3em auto;padding:0 1em}
input{width:70%;padding:.4em}td{padding:.2em 1em .2em 0}</style></head><body>
<h1>Short URLs</h1>
<form id="form"><input id="url" type="url" required placeholder="https://example.com/a/long/path">
<button>Shorten</button></form><p id="said"></p><table id="table"></table>
<script>
const base = location.pathname.replace(/\\/$/, '');
async function show() {
  const found = await (await fetch(base + '/api/analytics')).json();
  const table = document.getElementById('table');
  table.replaceChildren(...found.map(each => {
    const row = document.createElement('tr');
    const link = document.createElement('a');
    link.href = base + '/r/' + each.code; link.textContent = each.code;
    row.append(...[link, each.url, each.clicks + ' clicks'].map(part => {
      const cell = document.createElement('td'); cell.append(part); return cell; }));
    return row; }));
}
document.getElementById('form').onsubmit = async event => {
  event.preventDefault();
  const url = document.getElementById('url').value;
  const answer = await fetch(base + '/api/shorten', {method: 'POST', body: JSON.stringify({url})});
  const said = await answer.json();
  document.getElementById('said').textContent = said.error || said.code;
  show();
};
show();
</script></body></html>
"""


class Frontend:
    """Answers requests."""

    def __init__(self, api, analytics):
        self._api = api.rstrip("/")
        self._analytics = analytics.rstrip("/")

    def answer(self, request):
        """The reply to a request."""
        path = request.path
        if path in {"", "/", "/index.html"}:
            return Reply(_PAGE, content_type="text/html; charset=utf-8")
        if path in {"/healthz", "/health"}:
            return Reply("ok\n")
        if path.startswith("/api/analytics"):
            return self._forward(self._analytics, request)
        if path.startswith(("/api/", "/r/")):
            return self._forward(self._api, request)
        return Reply("not found\n", 404)

    def _forward(self, service, request):
        try:
            reply = small_http.ask(
                f"{service}{request.path}", method=request.method, body=request.body
            )
        except OSError as error:
            reply = Reply(f"{service} does not answer: {error}\n", 502)
        _say(f"{request.method} {request.path} status={reply.status}")
        return reply


def _say(text):
    os.write(1, f"{text}\n".encode())


def main():
    """Serve until told to stop."""
    variables = os.environ
    frontend = Frontend(
        variables.get("API_SERVICE_URL", ""), variables.get("ANALYTICS_SERVICE_URL", "")
    )
    small_http.Server(int(variables.get("PORT") or 3000), frontend.answer, log=lambda _: None).run()


if __name__ == "__main__":
    main()
