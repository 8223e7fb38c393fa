"""Service-account tokens: signed by the instance, checked against what is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from choreo_local import clock, pki
from choreo_local.apimachinery import gotext
from choreo_local.embedded.kubeapi.messages import User
from choreo_local.embedded.storage.store import Store, key_of
from choreo_local.errors import UnauthorizedError

ISSUER = "https://kubernetes.default.svc.cluster.local"
ALGORITHM = "RS256"
_KEY_BITS = 2048
_CLAIMS = "kubernetes.io"
_EXTRA = "authentication.kubernetes.io"
# Clocks of a machine and its containers differ a little.
_LEEWAY_SECONDS = 10


class Tokens:
    """Issues and checks tokens.

    Args:
        store: where service accounts, pods and secrets are.
        key_file: the signing key, made when it is first needed; None keeps it in memory.
    """

    def __init__(self, store: Store, key_file: Path | None = None) -> None:
        self._store = store
        self._key_file = key_file
        self._key: RSAKey | None = None

    @property
    def key(self) -> RSAKey:
        """The signing key."""
        if self._key is None:
            self._key = self._load_key()
        return self._key

    def _load_key(self) -> RSAKey:
        if self._key_file is not None and self._key_file.exists():
            return _parsed(self._key_file.read_bytes())
        # Generating takes a tenth of a second, so it waits until somebody wants a token.
        key = RSAKey.generate_key(_KEY_BITS, private=True)
        if self._key_file is not None:
            self._key_file.parent.mkdir(parents=True, exist_ok=True)
            pki.write_private(self._key_file, key.as_pem(private=True))
        return key

    def key_set(self) -> dict[str, Any]:
        """The public key, as OpenID providers publish it."""
        public = self.key.as_dict(private=False)
        public |= {"use": "sig", "alg": ALGORITHM, "kid": self.key.thumbprint()}
        return {"keys": [public]}

    def issue(
        self,
        account: Mapping[str, Any],
        *,
        audiences: Sequence[str],
        seconds: int,
        bound: Mapping[str, Any] | None = None,
        node: Mapping[str, Any] | None = None,
    ) -> str:
        """A token of a service account.

        Args:
            account: the ServiceAccount.
            audiences: for whom the token is.
            seconds: how long it is valid.
            bound: the Pod, Secret or Node whose end is the end of the token.
            node: the Node on which a bound Pod runs.
        """
        metadata = account["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        own: dict[str, Any] = {
            "namespace": namespace,
            "serviceaccount": {"name": name, "uid": metadata["uid"]},
        }
        if bound is not None:
            own[bound["kind"].lower()] = _reference(bound)
        if node is not None:
            own["node"] = _reference(node)
        now = int(clock.unix())
        claims = {
            "aud": list(audiences),
            "exp": now + seconds,
            "iat": now,
            "iss": ISSUER,
            "jti": clock.new_uid(),
            _CLAIMS: own,
            "nbf": now,
            "sub": f"system:serviceaccount:{namespace}:{name}",
        }
        header = {"alg": ALGORITHM, "kid": self.key.thumbprint()}
        return str(jwt.encode(header, claims, self.key, algorithms=[ALGORITHM]))

    def check(self, token: str) -> User | None:
        """The user of a token; None when it is not one of ours.

        Raises:
            UnauthorizedError: it is ours but no longer, or not here, valid.
        """
        found = self.review(token, (ISSUER,))
        return None if found is None else found[0]

    def review(self, token: str, audiences: Sequence[str]) -> tuple[User, list[str]] | None:
        """User and matching audiences of a token; None when it is not one of ours."""
        if token.count(".") != 2:
            return None
        claims = self._claims(token)
        if claims is None:
            return None
        matching = [one for one in claims.get("aud") or () if one in audiences]
        if not matching:
            raise UnauthorizedError(
                f"token audiences {_quoted(claims.get('aud') or ())} is invalid for the target"
                f" audiences {_quoted(audiences)}"
            )
        return self._user(claims), matching

    def _claims(self, token: str) -> dict[str, Any] | None:
        try:
            claims = jwt.decode(token, self.key, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError):
            return None
        if claims.get("iss") != ISSUER:
            return None
        now = clock.unix()
        if now > claims.get("exp", 0) + _LEEWAY_SECONDS:
            raise UnauthorizedError("service account token has expired")
        if now < claims.get("nbf", 0) - _LEEWAY_SECONDS:
            raise UnauthorizedError("service account token is not valid yet")
        return dict(claims)

    def _user(self, claims: Mapping[str, Any]) -> User:
        own = claims.get(_CLAIMS) or {}
        namespace, account = str(own.get("namespace", "")), own.get("serviceaccount") or {}
        name, uid = str(account.get("name", "")), str(account.get("uid", ""))
        self._require("serviceaccounts", namespace, name, uid)
        extra = {f"{_EXTRA}/credential-id": (f"JTI={claims.get('jti')}",)}
        for kind, resource in (("pod", "pods"), ("secret", "secrets"), ("node", "nodes")):
            bound = own.get(kind)
            if not bound:
                continue
            scope = "" if kind == "node" else namespace
            if kind != "node" or "pod" not in own:
                self._require(resource, scope, bound.get("name", ""), bound.get("uid", ""))
            if kind != "secret":
                extra[f"{_EXTRA}/{kind}-name"] = (bound.get("name", ""),)
                extra[f"{_EXTRA}/{kind}-uid"] = (bound.get("uid", ""),)
        return User(
            f"system:serviceaccount:{namespace}:{name}",
            ("system:serviceaccounts", f"system:serviceaccounts:{namespace}"),
            uid,
            extra,
        )

    def _require(self, resource: str, namespace: str, name: str, uid: str) -> None:
        stored = self._store.get(resource, key_of(namespace, name))
        if stored is None or stored.object["metadata"].get("uid") != uid:
            raise UnauthorizedError(
                f'token is bound to {resource} "{name}", which no longer exists'
            )


def _quoted(texts: Sequence[str]) -> str:
    return f"[{' '.join(map(gotext.quote, texts))}]"


def _reference(obj: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"]}


def _parsed(text: bytes) -> RSAKey:
    """A key that was written here."""
    # Proving that its numbers are prime would hold up the first pods of a start.
    key = serialization.load_pem_private_key(text, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("the key that signs tokens is no RSA key")
    return RSAKey(key, key)
