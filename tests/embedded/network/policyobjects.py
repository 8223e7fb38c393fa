"""Policies of gateways, tokens and passwords for tests."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from tests.embedded.network.gatewayobjects import metadata

ISSUER = "https://issuer.example"
KEY = ECKey.generate_key("P-256", {"kid": "one", "alg": "ES256", "use": "sig"})
OTHER_KEY = ECKey.generate_key("P-256", {"kid": "one", "alg": "ES256", "use": "sig"})
KEYS = json.dumps({"keys": [KEY.as_dict(private=False)]})
LATE = 4102444800


def target(kind: str = "HTTPRoute", name: str = "greeter", **more: Any) -> dict[str, Any]:
    return {"group": "gateway.networking.k8s.io", "kind": kind, "name": name, **more}


def policy(
    kind: str,
    spec: dict[str, Any],
    *,
    name: str = "policy",
    namespace: str = "apps",
    to: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    group = "gateway.kgateway.dev" if kind in _KGATEWAY else "gateway.envoyproxy.io"
    targets = {} if kind in _UNTARGETED else {"targetRefs": [to or target()]}
    return {
        "apiVersion": f"{group}/v1alpha1",
        "kind": kind,
        "metadata": metadata(name, namespace, **more),
        "spec": {**targets, **spec},
    }


_KGATEWAY = ("TrafficPolicy", "GatewayExtension")
_UNTARGETED = ("GatewayExtension", "HTTPRouteFilter")


def traffic(**spec: Any) -> dict[str, Any]:
    return policy("TrafficPolicy", spec)


def extension(name: str = "tokens", **provider: Any) -> dict[str, Any]:
    made = {"name": "idp", "issuer": ISSUER, "jwks": {"local": {"inline": KEYS}}, **provider}
    return policy("GatewayExtension", {"type": "JWT", "jwt": {"providers": [made]}}, name=name)


def secret(name: str, **data: str) -> dict[str, Any]:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": metadata(name),
        "data": encoded,
    }


def token(key: ECKey = KEY, **claims: Any) -> dict[str, str]:
    """A header with a token."""
    content = {"iss": ISSUER, "sub": "ann", "exp": LATE, **claims}
    text = jwt.encode({"alg": "ES256", "kid": "one"}, content, key)
    return {"Authorization": f"Bearer {text}"}


def sha(user: str, password: str) -> str:
    """A line of htpasswd."""
    digest = base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()
    return f"{user}:{{SHA}}{digest}"


def basic(user: str, password: str) -> dict[str, str]:
    """A header with a password."""
    text = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {text}"}
