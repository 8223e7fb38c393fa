"""A small HTTPS server on loopback that answers admission reviews as its path says.

`/GROUP/allow`, `/GROUP/deny/CODE/TEXT`, `/GROUP/label/NAME/VALUE`, `/GROUP/append/NAME/VALUE` (adds
to a label's value), `/GROUP/warn/TEXT`, `/GROUP/audit`, `/GROUP/error/CODE`, `/GROUP/silent`
(answers after the caller gave up), `/GROUP/nonsense`, `/GROUP/wronguid`, `/GROUP/badpatch`. What
was asked is kept by GROUP.

It converts custom objects too: `/GROUP/convert`, `/GROUP/fail/TEXT`, `/GROUP/fails`,
`/GROUP/fewer`, `/GROUP/renamed`, `/GROUP/labelled`, `/GROUP/otheruid`, `/GROUP/unconverted`.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from choreo_local import pki

_SILENCE_SECONDS = 30.0
Review = dict[str, Any]


class Webhooks:
    """Where the reviewer listens, whom it trusts, and what it was asked."""

    def __init__(self, url: str, authority: pki.Identity) -> None:
        self.url = url
        self.bundle = base64.b64encode(authority.certificate).decode()
        self.asked: dict[str, list[Review]] = defaultdict(list)
        self.ended = threading.Event()


@contextmanager
def listening(folder: Path) -> Iterator[Webhooks]:
    """A reviewer, until the end of the block."""
    authority = pki.create_authority("conformance webhooks")
    pki.save(folder, "webhook", pki.issue_server(authority, "webhook", ["127.0.0.1"]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "webhook.crt", folder / "webhook.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Reviewer)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    webhooks = Webhooks(f"https://127.0.0.1:{server.server_port}", authority)
    server.webhooks = webhooks  # type: ignore[attr-defined]  # how handlers of this server get at it
    thread = threading.Thread(target=server.serve_forever, name="webhooks", daemon=True)
    thread.start()
    try:
        yield webhooks
    finally:
        webhooks.ended.set()
        server.shutdown()
        server.server_close()


class _Reviewer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base says
        """Say nothing: the cases look at what was asked."""

    def do_POST(self) -> None:
        webhooks: Webhooks = self.server.webhooks  # type: ignore[attr-defined]
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if review["kind"] == "ConversionReview":
            self._convert(review)
            return
        group, action, *words = [unquote(w) for w in urlsplit(self.path).path[1:].split("/")]
        webhooks.asked[group].append(review["request"])
        if action == "silent":
            webhooks.ended.wait(_SILENCE_SECONDS)
            self.close_connection = True
        elif action == "error":
            self._answer(int(words[0]), b"it is broken")
        elif action == "nonsense":
            self._answer(200, b"this is no review")
        else:
            response = {"uid": review["request"]["uid"], "allowed": True}
            response |= _ANSWERS[action](review["request"], *words)
            answer = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
            self._answer(200, json.dumps({**answer, "response": response}).encode())

    def _convert(self, review: Review) -> None:
        group, action, *words = [unquote(w) for w in urlsplit(self.path).path[1:].split("/")]
        request = review["request"]
        self.server.webhooks.asked[group].append(request)  # type: ignore[attr-defined]
        if action == "error":
            self._answer(int(words[0]), b"it is broken")
            return
        response = {"uid": request["uid"], "result": {"status": "Success"}}
        wanted = request["desiredAPIVersion"]
        response["convertedObjects"] = [_moved(each, wanted) for each in request["objects"]]
        response |= _CONVERSIONS[action](response["convertedObjects"], *words)
        answer = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview"}
        self._answer(200, json.dumps({**answer, "response": response}).encode())

    def _answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _patch(operations: object) -> Review:
    content = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"patchType": "JSONPatch", "patch": content}


def _label(request: Review, name: str, value: str) -> Review:
    labels = request["object"]["metadata"].get("labels", {})
    return _patch([{"op": "add", "path": "/metadata/labels", "value": {**labels, name: value}}])


def _append(request: Review, name: str, value: str) -> Review:
    labels = request["object"]["metadata"].get("labels", {})
    return _label(request, name, labels.get(name, "") + value)


def _deny(request: Review, code: str, text: str) -> Review:
    return {"allowed": False, "status": {"code": int(code), "message": text}}


def _moved(obj: Review, wanted: str) -> Review:
    """`spec.size` is `spec.amount` in versions that begin with v2."""
    names = ("size", "amount") if "/v2" in wanted else ("amount", "size")
    spec = dict(obj.get("spec", {}))
    if names[0] in spec:
        spec[names[1]] = spec.pop(names[0])
    return {**obj, "apiVersion": wanted, "spec": spec}


def _renamed(objects: list[Review]) -> Review:
    renamed = [{**each, "metadata": {**each["metadata"], "name": "other"}} for each in objects]
    return {"convertedObjects": renamed}


def _labelled(objects: list[Review]) -> Review:
    changed = {"labels": {"by": "webhook"}, "finalizers": ["a.test/b"], "generation": 99}
    labelled = [{**each, "metadata": {**each["metadata"], **changed}} for each in objects]
    return {"convertedObjects": labelled}


_CONVERSIONS: dict[str, Callable[..., Review]] = {
    "convert": lambda objects: {},
    "fail": lambda objects, text: {"result": {"status": "Failure", "message": text}},
    "fails": lambda objects: {"result": {"status": "Failure"}},
    "fewer": lambda objects: {"convertedObjects": []},
    "renamed": _renamed,
    "labelled": _labelled,
    "otheruid": lambda objects: {"uid": "another"},
    "unconverted": lambda objects: {
        "convertedObjects": [{**each, "apiVersion": "a.test/v9"} for each in objects]
    },
}
_ANSWERS: dict[str, Callable[..., Review]] = {
    "allow": lambda request: {},
    "refuse": lambda request: {"allowed": False},
    "deny": _deny,
    "label": _label,
    "append": _append,
    "warn": lambda request, text: {"warnings": [text]},
    "audit": lambda request: {"auditAnnotations": {"seen": "yes"}},
    "wronguid": lambda request: {"uid": "another"},
    "badpatch": lambda request: _patch([{"op": "remove", "path": "/metadata/nothing"}]),
}
