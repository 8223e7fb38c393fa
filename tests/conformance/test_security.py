"""Who shows no valid credential gets nothing, and no spelling of a path gets around that."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import RSAKey

from choreo_local import clock, pki
from tests.conformance import embedded
from tests.conformance.target import Answer, Client, Target

PROTECTED = (
    "/api/v1/secrets",
    "/api/v1/namespaces",
    "/api/v1/nodes",
    "/api/v1/namespaces/kube-system/pods/x/log",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/openapi/v3",
    "/api",
    "/metrics",
)
_TOKEN = "/api/v1/namespaces/default/serviceaccounts/default/token"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def own(folder: Path) -> Iterator[Target]:
    """An embedded API whose keys are at hand."""
    with embedded.serving(folder) as made:
        yield made


def ask(
    server: Target, path: str, trust: ssl.SSLContext | None = None, *, token: str = ""
) -> Answer | None:
    """The answer to a read; None when the connection is refused."""
    client = Client(server, trust)
    try:
        return client.send("GET", path, {"Authorization": f"Bearer {token}"} if token else {})
    except (ssl.SSLError, ConnectionError):
        return None
    finally:
        client.close()


def presenting(server: Target, folder: Path, identity: pki.Identity) -> ssl.SSLContext:
    """TLS with a client certificate."""
    pki.save(folder, "presented", identity)
    trust = server.anonymous()
    trust.load_cert_chain(folder / "presented.crt", folder / "presented.key")
    return trust


def expired(authority: pki.Identity) -> pki.Identity:
    """A certificate of an administrator that was valid until yesterday."""
    key = ec.generate_private_key(ec.SECP256R1())
    signer = serialization.load_pem_private_key(authority.key, password=None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    group = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:masters")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([group, x509.NameAttribute(NameOID.COMMON_NAME, "admin")]))
        .issuer_name(authority.parsed().subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=9))
        .not_valid_after(clock.now() - timedelta(days=1))
        .sign(signer, hashes.SHA256())
    )
    return pki.Identity(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


@pytest.mark.parametrize("path", PROTECTED)
def test_who_shows_nothing_is_told_nothing(server: Target, path: str) -> None:
    answer = ask(server, path, server.anonymous())

    assert answer is not None
    assert answer.code == 403
    assert answer.body["kind"] == "Status"


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "e30.e30.", "x" * 9000])
def test_a_token_that_is_none_is_refused(server: Target, token: str) -> None:
    for path in PROTECTED:
        answer = ask(server, path, server.anonymous(), token=token)

        assert answer is not None
        # A header may also be longer than the server reads.
        assert answer.code in (401, 400 if len(token) > 8000 else 401)


def test_a_certificate_of_another_authority_opens_nothing(server: Target, tmp_path: Path) -> None:
    stranger = pki.issue_client(pki.create_authority("other"), "admin", ["system:masters"])

    for path in PROTECTED:
        answer = ask(server, path, presenting(server, tmp_path, stranger))

        assert answer is None or answer.code in (401, 403)


def test_an_expired_certificate_opens_nothing(own: Target, folder: Path, tmp_path: Path) -> None:
    authority = pki.load(folder, "ca")
    assert authority is not None

    for path in PROTECTED:
        answer = ask(own, path, presenting(own, tmp_path, expired(authority)))

        assert answer is None or answer.code == 401


def altered(token: str, key: RSAKey, signer: RSAKey | None = None, **changes: int | str) -> str:
    """A token with other claims, signed anew with its key or with another."""
    decoded = jwt.decode(token, key)
    return jwt.encode(dict(decoded.header), {**decoded.claims, **changes}, signer or key)


def test_only_tokens_that_are_signed_and_of_today_are_good(own: Target, folder: Path) -> None:
    admin = Client(own)
    deadline = time.monotonic() + 30
    issued = admin.send("POST", _TOKEN, {"Content-Type": "application/json"}, b"{}")
    while issued.code != 201 and time.monotonic() < deadline:
        issued = admin.send("POST", _TOKEN, {"Content-Type": "application/json"}, b"{}")
    admin.close()
    token = str(issued.body["status"]["token"])
    key = RSAKey.import_key((folder / "tokens.key").read_text(encoding="utf-8"))
    now = int(clock.now().timestamp())
    bad = (
        altered(token, key, exp=now - 60),
        altered(token, key, nbf=now + 600),
        altered(token, key, iss="https://elsewhere.example.com"),
        altered(token, key, RSAKey.generate_key(2048)),
        token[:-4] + ("aaaa" if token[-4:] != "aaaa" else "bbbb"),
        token.rpartition(".")[0] + ".",
    )
    good = ask(own, "/api/v1/namespaces/default/pods", own.anonymous(), token=token)
    assert good is not None
    assert good.code == 403
    assert "system:serviceaccount:default:default" in good.body["message"]

    for each in bad:
        answer = ask(own, "/api/v1/namespaces/default/pods", own.anonymous(), token=each)

        assert answer is not None
        assert answer.code == 401, json.dumps(answer.body)


TRICKS = (
    "/api/v1/namespaces/default/../kube-system/secrets",
    "/api/v1/namespaces/default/%2e%2e/kube-system/secrets",
    "/api/v1/namespaces/default/secrets/..%2f..%2fkube-system%2fsecrets",
    "/healthz/../api/v1/secrets",
    "/healthz/%2e%2e/api/v1/secrets",
    "//api/v1/secrets",
    "/api//v1/secrets",
    "/api/v1/namespaces//secrets",
    "/api/v1/namespaces/./secrets",
    "/api/v1/namespaces/default%2fsecrets",
    "/api/v1/namespaces/default/configmaps/a%00b",
    "/api/v1/namespaces/default/configmaps/%00",
    "/api/v1/namespaces/default/configmaps/a%0d%0ab",
    "/api/v1/namespaces/default/configmaps/" + "a" * 4000,
    "/api/v1/namespaces/" + "a" * 4000 + "/configmaps",
    "/api/v1/namespaces/default/configmaps/a%2Fb",
    "/api/v1/namespaces/default/configmaps/..",
    "/api/v1/namespaces/default/configmaps/%c0%ae%c0%ae",
    "/api/v1/namespaces/default/configmaps/%zz",
    "/api/v1/proxy/nodes/x/secrets",
    "/openapi/v3/../../api/v1/secrets",
    "/openapi/v3/%2e%2e/%2e%2e/etc/passwd",
    "/API/V1/SECRETS",
    "/api/v1/namespaces/default/secrets;a=b",
    "/api/v1/namespaces/default\\secrets",
)


@pytest.mark.parametrize("path", TRICKS)
def test_tricks_with_paths_find_nothing(server: Target, path: str) -> None:
    # The administrator may read everything, so what is found here is found by a trick.
    answer = ask(server, path)

    assert answer is not None
    is_empty = isinstance(answer.body, dict) and answer.body.get("items") == []
    # The real server sends some of these elsewhere, fails on a name that is a dot, and takes an
    # empty namespace for all of them.
    is_elsewhere = answer.code in (301, 307, 500) or (answer.code == 200 and "//" in path)
    is_upstream = server.name != embedded.NAME and is_elsewhere
    assert 400 <= answer.code < 500 or is_empty or is_upstream, answer
    assert "Traceback" not in str(answer.body)


@pytest.mark.parametrize("path", TRICKS)
def test_tricks_with_paths_give_strangers_nothing(server: Target, path: str) -> None:
    answer = ask(server, path, server.anonymous())

    assert answer is not None
    assert 300 <= answer.code < 500
    assert "items" not in str(answer.body)
