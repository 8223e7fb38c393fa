"""The OpenID provider: people and programs get tokens; it knows nothing of HTTP.

A refresh token is good once, but for the client of upstream, which presents the same one again and
again; signing out ends all that came of one sign-in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from joserfc import jwt
from joserfc.errors import JoseError

from choreo_local import clock
from choreo_local.identity import directory as directories
from choreo_local.identity import oauth, passwords, tokens
from choreo_local.identity.devices import Devices
from choreo_local.identity.directory import Client, Directory, User
from choreo_local.identity.families import Families
from choreo_local.identity.keys import ALGORITHM, SigningKeys
from choreo_local.identity.oauth import Authorization, OAuthError
from choreo_local.identity.tokens import Issuer
from choreo_local.identity.vault import Attempts, Vault

AUDIENCE: Final = "openchoreo-api"
_CODE_SECONDS = 60
_LOGIN_SECONDS = 600
_SPENT_SECONDS = 600
_ACCESS_SECONDS = 3600
_REFRESH_SECONDS = 30 * 86400
_CLIENT_METHODS: Final = ["none", "client_secret_post", "client_secret_basic"]
Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Granted:
    """What a person granted to a program."""

    user: str
    authorization: Authorization


class Refresh(NamedTuple):
    """Which refresh token of which sign-in."""

    family: str
    member: int


class Provider:
    """Users, programs, and the tokens between them.

    Args:
        url: of the issuer; asked each time, for tests and proxies may change it.
        families: which refresh tokens are good.
    """

    def __init__(
        self,
        url: Callable[[], str],
        keys: SigningKeys,
        directory: Directory,
        families: Families | None = None,
    ) -> None:
        self._url = url
        self._keys = keys
        self._directory = directory
        self._attempts = Attempts()
        self._pending: Vault[Authorization] = Vault(seconds=_LOGIN_SECONDS)
        self._codes: Vault[Granted] = Vault(seconds=_CODE_SECONDS)
        self._families = families or Families()
        # Codes that were exchanged, and the families that came of them.
        self._spent: Vault[str] = Vault(seconds=_SPENT_SECONDS)
        self.devices = Devices()

    @property
    def url(self) -> str:
        """The issuer."""
        return self._url()

    @property
    def directory(self) -> Directory:
        """Who is known."""
        return self._directory

    def issuer(self) -> Issuer:
        """How its tokens are checked."""
        return Issuer(self.url, self._keys.find, (AUDIENCE,))

    def key_set(self) -> dict[str, Any]:
        """The public keys, as a JWK set."""
        return self._keys.public()

    def metadata(self) -> dict[str, Any]:
        """The discovery document."""
        url = self.url
        return {
            "issuer": url,
            "authorization_endpoint": f"{url}/oauth2/authorize",
            "token_endpoint": f"{url}/oauth2/token",
            "userinfo_endpoint": f"{url}/oauth2/userinfo",
            "revocation_endpoint": f"{url}/oauth2/revoke",
            "jwks_uri": f"{url}/oauth2/jwks",
            "device_authorization_endpoint": f"{url}/oauth2/device_authorization",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": [
                directories.AUTHORIZATION_CODE,
                directories.CLIENT_CREDENTIALS,
                directories.REFRESH_TOKEN,
                directories.DEVICE_CODE,
            ],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": _CLIENT_METHODS,
            "revocation_endpoint_auth_methods_supported": _CLIENT_METHODS,
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "scopes_supported": ["openid", "profile", "email"],
            "claims_supported": ["sub", "groups", "name", "email"],
        }

    def ask(self, given: Form) -> str:
        """Begin an authorization; the name of the pending login."""
        return self._pending.put(oauth.authorization(given, self._directory))

    def asked(self, pending: str) -> Authorization | None:
        """The pending login of a name."""
        return self._pending.find(pending)

    def check_password(self, name: str, password: str) -> User:
        """Whoever knows a password; takes its time.

        Raises:
            OAuthError: `access_denied`, or `slow_down` after too many attempts.
        """
        if self._attempts.wait_seconds(name) > 0:
            raise OAuthError("slow_down", "too many attempts; wait a minute", status=429)
        user = self._directory.users.get(name)
        if not passwords.is_right(user.password if user else "", password) or user is None:
            self._attempts.failed(name)
            raise OAuthError("access_denied", "user name or password is wrong", status=401)
        self._attempts.succeeded(name)
        return user

    def grant(self, pending: str, user: User) -> str:
        """End a pending login; the address that the browser is sent to, with a code."""
        asked = self._pending.take(pending)
        if asked is None:
            raise OAuthError("invalid_request", "this login has expired; begin again")
        return asked.answered(code=self._codes.put(Granted(user.name, asked)), iss=self.url)

    def token(self, form: Form, header: str = "") -> dict[str, Any]:
        """Answer a request for tokens; takes its time where a secret is checked."""
        kind = form.get("grant_type", "")
        client = self._client(form, header)
        if kind not in client.grants:
            known = kind in self.metadata()["grant_types_supported"]
            code = "unauthorized_client" if known else "unsupported_grant_type"
            raise OAuthError(code, "this client may not use that grant_type")
        if kind == directories.AUTHORIZATION_CODE:
            return self._by_code(client, form)
        if kind == directories.REFRESH_TOKEN:
            return self._by_refresh(client, form)
        if kind == directories.DEVICE_CODE:
            name = self.devices.redeem(client.id, form.get("device_code", ""))
            return self._for_user(client, self._known(name), client.scopes, self._begun(client))
        scopes = oauth.granted(client, form.get("scope", ""))
        return self._answer(self._access(client.id, client.id, scopes, {}), scopes)

    def revoke(self, form: Form, header: str = "") -> None:
        """End a sign-in, given one of its refresh tokens; says nothing of what is no token."""
        client = self._client(form, header)
        content = self._own_claims(form.get("token", ""))
        if content.get("iss") == self.url:
            raise OAuthError("unsupported_token_type", "access tokens end by themselves")
        if content.get("iss") != self._refresh_issuer:
            return
        if content.get("client_id") != client.id:
            raise OAuthError("invalid_grant", "the refresh token belongs to another client")
        self._families.end(str(content.get("family")))

    def token_for(self, user: User) -> str:
        """An access token for a user, for somebody who may act as anybody here."""
        return self._access(user.name, "choreo", ("profile",), {"groups": list(user.groups)})

    def userinfo(self, name: str) -> dict[str, Any]:
        """What is known of a user."""
        user = self._directory.users.get(name)
        return {"sub": name, **(_profile(user) if user else {})}

    def begin_device(self, form: Form, header: str = "") -> dict[str, Any]:
        """A program without a browser asks for a code that a person types elsewhere."""
        client = self._client(form, header)
        if directories.DEVICE_CODE not in client.grants:
            raise OAuthError("unauthorized_client", "this client may not use the device grant")
        return self.devices.begin(client.id, verification=f"{self.url}/device")

    def _client(self, form: Form, header: str) -> Client:
        credentials = oauth.basic(header)
        name, secret = credentials or (form.get("client_id", ""), form.get("client_secret", ""))
        client = self._directory.clients.get(name)
        if client is not None and not client.secret:
            return client
        if self._attempts.wait_seconds(f"client {name}") > 0:
            raise OAuthError("slow_down", "too many attempts; wait a minute", status=429)
        if not passwords.is_right(client.secret if client else "", secret) or client is None:
            self._attempts.failed(f"client {name}")
            raise OAuthError("invalid_client", "unknown client or wrong secret", status=401)
        return client

    def _by_code(self, client: Client, form: Form) -> dict[str, Any]:
        code = form.get("code", "")
        found = self._codes.take(code)
        if found is None or found.authorization.client != client.id:
            # Who exchanges it a second time may be the thief, or the one who was robbed.
            self._families.end(self._spent.take(code) or "")
            raise OAuthError("invalid_grant", "the code is wrong, used or expired")
        asked = found.authorization
        if form.get("redirect_uri", "") != asked.redirect:
            raise OAuthError("invalid_grant", "redirect_uri is not the one of the code")
        if not oauth.is_proven(asked.challenge, form.get("code_verifier", "")):
            raise OAuthError("invalid_grant", "code_verifier does not fit the challenge")
        begun = self._begun(client)
        if begun is not None:
            self._spent.put(begun.family, name=code)
        return self._for_user(
            client, self._known(found.user), asked.scopes, begun, nonce=asked.nonce
        )

    def _begun(self, client: Client) -> Refresh | None:
        if directories.REFRESH_TOKEN not in client.grants:
            return None
        return Refresh(self._families.begin(_REFRESH_SECONDS), 0)

    def _by_refresh(self, client: Client, form: Form) -> dict[str, Any]:
        content = self._own_claims(form.get("refresh_token", ""))
        if content.get("iss") != self._refresh_issuer or content.get("exp", 0) <= clock.unix():
            raise OAuthError("invalid_grant", "the refresh token is wrong or expired")
        if content.get("client_id") != client.id:
            raise OAuthError("invalid_grant", "the refresh token belongs to another client")
        family, member = str(content.get("family")), int(content.get("member", -1))
        following = self._families.renew(
            family, member, _REFRESH_SECONDS, is_reusable=client.refresh == directories.REUSABLE
        )
        if following is None:
            raise OAuthError("invalid_grant", "the refresh token was used or revoked")
        scopes = tuple(str(content.get("scope", "")).split())
        user = self._known(str(content.get("user")))
        return self._for_user(client, user, scopes, Refresh(family, following))

    def _own_claims(self, token: str) -> Mapping[str, Any]:
        """What a token of ours says, of whatever kind; nothing when it is none."""
        issuer = Issuer(self._refresh_issuer, self._keys.find)
        try:
            found: Mapping[str, Any] = jwt.decode(
                token, lambda part: _signer(issuer, part.headers()), algorithms=[ALGORITHM]
            ).claims
        except (JoseError, ValueError, TypeError, RecursionError):
            return {}
        return found

    @property
    def _refresh_issuer(self) -> str:
        # Another issuer than that of access tokens: neither can be taken for the other.
        return f"{self.url}/refresh"

    def _known(self, name: str) -> User:
        user = self._directory.users.get(name)
        if user is None:
            raise OAuthError("invalid_grant", "there is no such user any more")
        return user

    def _for_user(
        self,
        client: Client,
        user: User,
        scopes: tuple[str, ...],
        refresh: Refresh | None,
        *,
        nonce: str = "",
    ) -> dict[str, Any]:
        profile = _profile(user) if "profile" in scopes else {}
        found = self._answer(self._access(user.name, client.id, scopes, profile), scopes)
        if refresh is not None:
            content = {
                "user": user.name,
                "client_id": client.id,
                "scope": " ".join(scopes),
                **refresh._asdict(),
            }
            found["refresh_token"] = self._signed(self._refresh_issuer, _REFRESH_SECONDS, content)
        if "openid" in scopes:
            content = {"sub": user.name, "aud": client.id, **profile}
            content |= {"nonce": nonce} if nonce else {}
            found["id_token"] = self._signed(self.url, _ACCESS_SECONDS, content)
        return found

    def _access(
        self, subject: str, client: str, scopes: tuple[str, ...], more: Mapping[str, Any]
    ) -> str:
        content = {"sub": subject, "aud": AUDIENCE, "client_id": client, "scope": " ".join(scopes)}
        return self._signed(self.url, _ACCESS_SECONDS, {**content, **more})

    def _signed(self, issuer: str, seconds: int, content: Mapping[str, Any]) -> str:
        now = int(clock.unix())
        frame = {"iss": issuer, "iat": now, "exp": now + seconds, "jti": clock.new_uid()}
        return tokens.sign(self._keys, {**content, **frame})

    def _answer(self, token: str, scopes: tuple[str, ...]) -> dict[str, Any]:
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": _ACCESS_SECONDS,
            "scope": " ".join(scopes),
        }


def _profile(user: User) -> dict[str, Any]:
    known = {"groups": list(user.groups), "name": user.display_name or user.name}
    return {**known, **({"email": user.name} if "@" in user.name else {})}


def _signer(issuer: Issuer, header: Mapping[str, Any]) -> Any:
    key = issuer.find_key(str(header.get("kid", "")))
    if key is None:
        raise ValueError("unknown key")
    return key
