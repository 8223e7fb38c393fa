"""Whose certificate is good for a plane object."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from choreo_local import clock, pki
from choreo_local.clustergateway import trust
from choreo_local.clustergateway.trust import Presented
from choreo_local.pki import Identity

AUTHORITY = pki.create_authority("plane")
OTHER = pki.create_authority("other")


def objection(shown: Identity, *trusted: Identity, now: datetime | None = None) -> str:
    found = [each for one in trusted for each in trust.authorities(one.certificate.decode())]
    return trust.objection(Presented(shown.parsed()), found, now=now or clock.now())


def self_signed(name: str) -> Identity:
    """What upstream's installations give an agent: its own issuer, and no authority."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    client = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = (
        _builder(subject, subject, key, ca=False)
        .add_extension(client, critical=False)
        .sign(key, hashes.SHA256())
    )
    return Identity(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def test_what_an_authority_issued_is_good() -> None:
    assert objection(pki.issue_client(AUTHORITY, "prod"), AUTHORITY) == ""
    assert objection(pki.issue_client(AUTHORITY, "prod"), OTHER, AUTHORITY) == ""


def test_a_pinned_certificate_is_good_though_it_is_no_authority() -> None:
    leaf = self_signed("default")
    assert objection(leaf, leaf) == ""
    assert objection(self_signed("default"), leaf) != ""


def test_a_pinned_certificate_vouches_for_itself_alone() -> None:
    leaf = pki.issue_client(AUTHORITY, "one")
    assert objection(leaf, leaf) == ""
    assert "no registered authority" in objection(pki.issue_client(AUTHORITY, "two"), leaf)


def test_a_strange_authority_is_named_as_the_reason() -> None:
    found = objection(pki.issue_client(OTHER, "prod"), AUTHORITY)
    assert found.startswith("no registered authority vouches for the certificate (")


def test_server_certificates_are_not_for_agents() -> None:
    server = pki.issue_server(AUTHORITY, "gateway", ["localhost"])
    assert "not meant for clients" in objection(server, AUTHORITY)
    assert "not meant for clients" in objection(server, server)


def test_time_is_told() -> None:
    leaf = pki.issue_client(AUTHORITY, "prod")
    late = objection(leaf, AUTHORITY, now=clock.now() + timedelta(days=9000))
    early = objection(leaf, AUTHORITY, now=datetime(2020, 1, 1, tzinfo=UTC))
    assert late.startswith("the certificate expired on ")
    assert early.startswith("the certificate is not valid before ")
    assert "expired" in objection(leaf, leaf, now=clock.now() + timedelta(days=9000))


def test_nobody_registered_means_nobody_trusted() -> None:
    assert objection(AUTHORITY) == "no certificate authority is registered"


def test_bundles_are_read_as_far_as_they_can_be() -> None:
    first, second = AUTHORITY.certificate.decode(), OTHER.certificate.decode()
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    found = trust.authorities(f"text before\n{first}{broken}\n{second}text after")
    assert found == [AUTHORITY.parsed(), OTHER.parsed()]


@given(st.text(max_size=300) | st.text("-BEGIN CERTIFICATE\nA=", max_size=300))
def test_any_text_is_read(text: str) -> None:
    assert trust.authorities(text) == []


@pytest.mark.parametrize("with_chain", [True, False])
def test_intermediates_come_with_the_handshake(with_chain: bool) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    middle_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "middle")])
    above = serialization.load_pem_private_key(AUTHORITY.key, password=None)
    middle = _builder(middle_name, AUTHORITY.parsed().subject, key, ca=True).sign(
        above,  # type: ignore[arg-type]  # an elliptic curve key
        hashes.SHA256(),
    )
    leaf_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf")])
    leaf = _builder(leaf_name, middle_name, key, ca=False).sign(key, hashes.SHA256())
    shown = Presented(leaf, (middle,) if with_chain else ())
    found = trust.objection(shown, [AUTHORITY.parsed()], now=clock.now())
    assert (found == "") is with_chain


def _builder(
    name: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, *, ca: bool
) -> x509.CertificateBuilder:
    now = clock.now()
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
