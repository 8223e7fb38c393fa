"""Write kubeconfig files; a file of ours holds one cluster, one user, one context."""

from __future__ import annotations

import base64

import yaml


def of_certificate(
    *, name: str, server: str, authority: bytes, certificate: bytes, key: bytes
) -> bytes:
    """A kubeconfig for a user with a client certificate; all arguments PEM where they are bytes."""
    user = {
        "client-certificate-data": _encoded(certificate),
        "client-key-data": _encoded(key),
    }
    return _kubeconfig(name=name, server=server, authority=authority, user=user)


def of_token(*, name: str, server: str, authority: bytes, token: str) -> bytes:
    """A kubeconfig for a user with a bearer token."""
    return _kubeconfig(name=name, server=server, authority=authority, user={"token": token})


def _kubeconfig(*, name: str, server: str, authority: bytes, user: dict[str, str]) -> bytes:
    cluster = {"server": server, "certificate-authority-data": _encoded(authority)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}
        ],
    }
    return yaml.safe_dump(content, sort_keys=False).encode()


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()
