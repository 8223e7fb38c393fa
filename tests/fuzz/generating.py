"""One request after the other: mostly plausible, one or two things about it wrong."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import yaml

from tests.embedded.kubeapi.protowire import entries, envelope, message
from tests.fuzz import mangling
from tests.fuzz.wire import Sent

GROUP = "fuzz.example.com"
_CONTAINER = {"name": "c", "image": "i", "ports": [{"containerPort": 80}]}
_TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [_CONTAINER]}}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind that objects are made of."""

    prefix: str
    plural: str
    kind: str
    content: dict[str, Any]
    subresources: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """As objects say it."""
        return self.prefix.removeprefix("/apis/").removeprefix("/api/")


KINDS = (
    Kind("/api/v1", "configmaps", "ConfigMap", {"data": {"k": "v"}, "binaryData": {"b": "AAA="}}),
    Kind("/api/v1", "secrets", "Secret", {"stringData": {"k": "v"}, "type": "Opaque"}),
    Kind(
        "/api/v1",
        "services",
        "Service",
        {"spec": {"selector": {"a": "b"}, "ports": [{"port": 80, "name": "p"}]}},
        ("status", "proxy"),
    ),
    Kind(
        "/api/v1",
        "pods",
        "Pod",
        {"spec": {"containers": [_CONTAINER]}},
        ("status", "binding", "eviction", "log", "exec", "ephemeralcontainers", "resize", "attach"),
    ),
    Kind(
        "/apis/apps/v1",
        "deployments",
        "Deployment",
        {
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"a": "b"}},
                "template": _TEMPLATE,
            }
        },
        ("status", "scale"),
    ),
    Kind(
        "/apis/batch/v1",
        "cronjobs",
        "CronJob",
        {
            "spec": {
                "schedule": "* * * * *",
                "jobTemplate": {
                    "spec": {
                        "template": {"spec": {"containers": [_CONTAINER], "restartPolicy": "Never"}}
                    }
                },
            }
        },
        ("status",),
    ),
    Kind(
        "/apis/networking.k8s.io/v1",
        "networkpolicies",
        "NetworkPolicy",
        {"spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]}},
    ),
    Kind(
        "/apis/rbac.authorization.k8s.io/v1",
        "roles",
        "Role",
        {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    ),
    Kind(
        f"/apis/{GROUP}/v1",
        "things",
        "Thing",
        {"spec": {"size": 3, "parts": [{"name": "a", "n": 1}], "replicas": 1, "any": {"x": 1}}},
        ("status", "scale"),
    ),
)
_MEDIA = (
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/cbor",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "application/json; charset=latin-1",
    "APPLICATION/JSON",
    "text/plain",
    "",
    "x",
    "a/b;c=\x01",
)
_ACCEPTS = (
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    "application/json;as=Nonsense",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "text/html",
    "*/*;q=x",
    ",,,",
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
)
_HEADERS = (
    "Authorization: Bearer nonsense",
    "Authorization: Basic !!!",
    "Impersonate-User: ann",
    "Impersonate-Group: system:masters",
    "Impersonate-Extra-%zz: x",
    "Expect: 100-continue",
    "Connection: Upgrade\r\nUpgrade: websocket",
    "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io",
    "Accept-Encoding: gzip, br;q=9",
    "X-Forwarded-For: ::1",
    "X-Long: " + "y" * 4000,
    "If-Match: *",
    "Audit-ID: \t",
)
_QUERIES = (
    "dryRun=All",
    "dryRun=Some",
    "fieldManager=" + "m" * 200,
    "fieldManager=%00",
    "fieldValidation=Strict",
    "fieldValidation=Ignore",
    "fieldValidation=No",
    "force=true",
    "force=maybe",
    "pretty=true",
    "limit=2",
    "limit=abc",
    "limit=-1",
    "limit=99999999999999999999",
    "continue=nonsense",
    "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiIn0",
    "resourceVersion=0",
    "resourceVersion=abc",
    "resourceVersion=-1",
    "resourceVersionMatch=Exact",
    "resourceVersionMatch=Never",
    "labelSelector=a%3Db",
    "labelSelector=a%20in%20(",
    "labelSelector=" + "(" * 200,
    "labelSelector=!!a,%2C",
    "fieldSelector=metadata.name%3Da",
    "fieldSelector=spec.foo%3Da",
    "fieldSelector=%3D%3D",
    "propagationPolicy=Foreground",
    "propagationPolicy=Sideways",
    "gracePeriodSeconds=0",
    "gracePeriodSeconds=-5",
    "gracePeriodSeconds=x",
    "orphanDependents=true",
    "timeoutSeconds=1",
    "timeoutSeconds=x",
    "allowWatchBookmarks=true",
    "sendInitialEvents=true",
    "container=c",
    "command=ls&stdout=true",
    "tailLines=x",
    "sinceTime=never",
    "%",
    "%zz=%",
    "=",
    "&&&",
    "a=b;c=d",
    "\xff",
)


class Generator:
    """Requests to the objects of one namespace, from a seed."""

    def __init__(self, seed: int, namespace: str) -> None:
        self._dice = random.Random(seed)
        self._namespace = namespace

    def request(self) -> Sent:
        """The next request."""
        dice = self._dice
        kind = dice.choice(KINDS)
        method, path = self._target(kind)
        body, media = self._content(kind, method)
        query = "&".join(dice.sample(_QUERIES, dice.choice([0, 0, 0, 0, 0, 0, 1, 1, 2])))
        if method == "PATCH" and media == _MEDIA[7] and dice.random() < 0.9:
            query += "&fieldManager=fuzz"
        is_open = method == "GET" and dice.random() < 0.08
        if is_open:
            query += "&watch=" + dice.choice(["true", "1", "maybe"]) + "&timeoutSeconds=1"
        return self._framed(method, path, query.strip("&"), body, media, is_open=is_open)

    # --- where to ---------------------------------------------------------------------------------

    def _target(self, kind: Kind) -> tuple[str, str]:
        dice = self._dice
        collection = f"{kind.prefix}/namespaces/{self._namespace}/{kind.plural}"
        method = dice.choice(
            ["POST"] * 6 + ["PUT"] * 3 + ["PATCH"] * 6 + ["DELETE"] * 2 + ["GET"] * 3
        )
        path = collection if method == "POST" else f"{collection}/{self._name()}"
        chance = dice.random()
        if kind.subresources and chance < 0.15:
            path = f"{collection}/{self._name()}/{dice.choice(kind.subresources)}"
        elif chance < 0.2:
            path = collection
            method = method if dice.random() < 0.3 else "GET"
        elif chance < 0.28:
            return self._odd_method(method), self._odd_path(collection)
        elif chance < 0.31:
            return self._odd_method(method), path
        return method, path

    def _name(self) -> str:
        return self._dice.choice("abcdefgh")

    def _odd_method(self, method: str) -> str:
        odd = ["HEAD", "OPTIONS", "TRACE", "FOO", "get", "PURGE", "M-SEARCH"]
        return self._dice.choice([method, *odd])

    def _odd_path(self, collection: str) -> str:
        """A path that is not quite one of ours; what it may reach is ours all the same."""
        dice = self._dice
        places = (
            f"{collection}/..",
            f"{collection}/a/..%2f..",
            f"{collection}/%2e%2e/%2e%2e",
            f"{collection}/a%00b",
            f"{collection}/a%2Fb",
            f"{collection}//a",
            f"{collection}/",
            f"{collection}/a/nothing/more",
            f"{collection}/{'n' * 9000}",
            f"{collection}/{quote(dice.choice(mangling.ODD_TEXTS)[:500], safe='')}",
            f"{collection}/%zz",
            f"{collection}/%ff",
            collection.replace("/namespaces/", "/namespace/"),
            collection.upper(),
            "/",
            "/api",
            "/apis/nothing/v1/x",
            "/api/v2/pods",
            "/openapi/v3/nothing",
            "/apis//v1",
            "//api/v1",
            "/.well-known/../api",
            "*",
            "/healthz/nothing",
            "/metrics",
            "/logs/../x",
        )
        return dice.choice(places)

    # --- with what --------------------------------------------------------------------------------

    def _object(self, kind: Kind) -> dict[str, Any]:
        dice = self._dice
        metadata: dict[str, Any] = {"name": self._name(), "labels": {"a": dice.choice("bc")}}
        if dice.random() < 0.1:
            metadata["finalizers"] = ["fuzz.example.com/kept"]
        if dice.random() < 0.1:
            metadata["generateName"] = metadata.pop("name")
        if dice.random() < 0.1:
            metadata[dice.choice(["resourceVersion", "uid", "namespace"])] = mangling.value(dice)
        head = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}
        return {**head, **kind.content}

    def _content(self, kind: Kind, method: str) -> tuple[bytes, str]:
        dice = self._dice
        if method == "PATCH":
            body, media = self._patch(kind)
        elif method == "DELETE":
            body, media = self._options(), _MEDIA[0]
        elif method in {"GET", "HEAD", "OPTIONS"} and dice.random() < 0.95:
            return b"", ""
        elif kind.plural == "configmaps" and dice.random() < 0.3:
            body, media = self._protobuf(), _MEDIA[2]
        else:
            body, media = self._written(kind)
        if dice.random() < 0.1:
            body = mangling.broken(dice, body)
        if dice.random() < 0.04:
            media = dice.choice(_MEDIA)
        return body, media

    def _written(self, kind: Kind) -> tuple[bytes, str]:
        dice = self._dice
        obj: Any = self._object(kind)
        for _ in range(dice.choice([0, 0, 0, 0, 1, 1, 2])):
            obj = mangling.changed(dice, obj)
        if dice.random() < 0.1:
            if dice.random() < 0.1:
                return b"a: &a [x, x]\n" + b"".join(
                    b"%c: &%c [*%c, *%c]\n" % (n + 1, n + 1, n, n) for n in range(97, 120)
                ), _MEDIA[1]
            return yaml.safe_dump(obj, allow_unicode=True).encode(), _MEDIA[1]
        return mangling.encoded(obj), _MEDIA[0]

    def _patch(self, kind: Kind) -> tuple[bytes, str]:
        dice = self._dice
        media = dice.choice(_MEDIA[4:8])
        if media == _MEDIA[4]:
            paths = [
                "/data/k",
                "/metadata/labels/a",
                "/spec",
                "/a/~2",
                "",
                "/metadata/name",
                "/x/-",
            ]
            verbs = ["add", "replace", "remove", "test", "move", "copy", "fly"]
            operations = [
                {
                    "op": dice.choice(verbs),
                    "path": dice.choice(paths),
                    "from": dice.choice(paths),
                    "value": mangling.value(dice),
                }
                for _ in range(dice.randrange(4))
            ]
            return mangling.encoded(operations), media
        obj: Any = self._object(kind)
        if media == _MEDIA[7]:
            obj["metadata"].pop("generateName", None)
        elif dice.random() < 0.7:
            obj.pop("metadata")
            obj.pop(dice.choice(list(obj)), None)
        for _ in range(dice.choice([0, 1, 2, 3])):
            obj = mangling.changed(dice, obj)
        return mangling.encoded(obj), media

    def _options(self) -> bytes:
        dice = self._dice
        if dice.random() < 0.6:
            return b""
        options: Any = {"kind": "DeleteOptions", "apiVersion": "v1"}
        options[dice.choice(["propagationPolicy", "gracePeriodSeconds", "preconditions", "x"])] = (
            dice.choice(["Foreground", "Orphan", "Background", 0, 5, {"uid": "no"}, None])
        )
        return mangling.encoded(options)

    def _protobuf(self) -> bytes:
        dice = self._dice
        metadata = message((1, self._name()), *entries(11, [("a", "b")]))
        content = message((1, metadata), *entries(2, [("k", dice.choice(["v", "\x00", "é"]))]))
        body = envelope(dice.choice(["v1", "v1", "v2", ""]), "ConfigMap", content)
        if dice.random() < 0.5:
            place = dice.randrange(len(body))
            body = body[:place] + bytes([dice.randrange(256)]) + body[place + 1 :]
        return body

    # --- as bytes ---------------------------------------------------------------------------------

    def _framed(
        self, method: str, path: str, query: str, body: bytes, media: str, *, is_open: bool
    ) -> Sent:
        dice = self._dice
        target = f"{path}?{query}" if query else path
        lines = [f"{method} {target} HTTP/1.1", "Host: kube"]
        if media or (body and dice.random() < 0.9):
            lines.append(f"Content-Type: {media}")
        if dice.random() < 0.12:
            lines.append(f"Accept: {dice.choice(_ACCEPTS)}")
        if dice.random() < 0.08:
            lines.append(dice.choice(_HEADERS))
        is_cut, framed = False, body
        if dice.random() < 0.12 and body:
            lines.append("Transfer-Encoding: chunked")
            framed = _chunked(dice, body)
        elif body or method in {"POST", "PUT", "PATCH"}:
            lines.append(f"Content-Length: {len(body)}")
        chance = dice.random()
        if chance < 0.01 and len(framed) > 1:
            is_cut, framed = True, framed[: len(framed) // 2]
        elif chance < 0.02 and method != "HEAD":
            lines[dice.randrange(len(lines))] = dice.choice(
                ["", "Content-Length: -1", "Content-Length: 1x", "No colon", " folded", "a" * 9000]
            )
            # Where one request ends is now anybody's guess: no other follows it.
            raw = _head(lines, close=True) + framed
            return Sent(raw, method, path, query, body, is_broken=True)
        raw = _head(lines, close=False) + framed
        return Sent(raw, method, path, query, body, is_cut=is_cut, is_open=is_open)


def _head(lines: list[str], *, close: bool) -> bytes:
    ending = ["Connection: close"] if close else []
    return "\r\n".join([*lines, *ending, "", ""]).encode("latin-1", "replace")


def _chunked(dice: random.Random, body: bytes) -> bytes:
    framed = b""
    while body:
        size = dice.randrange(1, len(body) + 1)
        framed += b"%x\r\n%s\r\n" % (size, body[:size])
        body = body[size:]
    return framed + b"0\r\n\r\n"
