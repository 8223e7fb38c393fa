"""Certificate authority, server and client certificates of an instance; EC P-256, files 0600.

Used by the embedded kube API and by the cluster gateway. A folder holds `NAME.crt` and `NAME.key`
for each identity, `ca` among them; what is missing or about to expire is made anew.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from choreo_local import clock

_LIFETIME = timedelta(days=3650)
_RENEW_BEFORE = timedelta(days=30)
# Clocks of a machine and its containers differ a little.
_BACKDATED = timedelta(minutes=5)

_PURPOSES = {
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "s/mime": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "ipsec end system": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.5"),
    "ipsec tunnel": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.6"),
    "ipsec user": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.7"),
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "microsoft sgc": x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3"),
    "netscape sgc": x509.ObjectIdentifier("2.16.840.1.113730.4.1"),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its private key, both PEM."""

    certificate: bytes
    key: bytes

    def parsed(self) -> x509.Certificate:
        """The certificate as an object."""
        return x509.load_pem_x509_certificate(self.certificate)


def create_authority(name: str) -> Identity:
    """A self-signed certificate authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        _builder(subject, key.public_key())
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
    )
    return _signed(builder, key, signer=key)


def issue_server(authority: Identity, name: str, hosts: Sequence[str]) -> Identity:
    """A server certificate for host names and addresses."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    alternatives = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
    return _issue(authority, subject, ExtendedKeyUsageOID.SERVER_AUTH, alternatives)


def issue_client(authority: Identity, user: str, groups: Sequence[str] = ()) -> Identity:
    """A client certificate: Kubernetes reads CN as the user and each O as a group."""
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, user))
    return _issue(authority, x509.Name(attributes), ExtendedKeyUsageOID.CLIENT_AUTH, None)


def issue_for(
    authority: Identity,
    request: x509.CertificateSigningRequest,
    *,
    usages: Iterable[str],
    lifetime: timedelta,
) -> bytes:
    """The certificate, PEM, for somebody else's key; usages as Kubernetes names them."""
    asked = set(usages)
    now, ca = clock.now(), authority.parsed()
    builder = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(ca.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(min(now + lifetime, ca.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage_of_key(asked), critical=True)
    )
    purposes = [oid for name, oid in _PURPOSES.items() if name in asked]
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    for extension in request.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            builder = builder.add_extension(extension.value, critical=extension.critical)
    signed = builder.sign(_private_key(authority), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def _usage_of_key(asked: set[str]) -> x509.KeyUsage:
    agrees = "key agreement" in asked
    return x509.KeyUsage(
        digital_signature=bool(asked & {"digital signature", "signing"}),
        content_commitment="content commitment" in asked,
        key_encipherment="key encipherment" in asked,
        data_encipherment="data encipherment" in asked,
        key_agreement=agrees,
        key_cert_sign="cert sign" in asked,
        crl_sign="crl sign" in asked,
        encipher_only=agrees and "encipher only" in asked,
        decipher_only=agrees and "decipher only" in asked,
    )


def ensure_authority(folder: Path, name: str) -> Identity:
    """The authority of a folder, made when it is missing or about to expire."""
    found = load(folder, "ca")
    if found is None or not _is_fresh(found):
        found = create_authority(name)
        save(folder, "ca", found)
    return found


def ensure_server(
    folder: Path, name: str, *, authority: Identity, hosts: Sequence[str]
) -> Identity:
    """The server certificate `name` of a folder; made anew when the hosts differ."""
    found = load(folder, name)
    if found is None or not _is_issued(found, authority) or _hosts(found) != set(hosts):
        found = issue_server(authority, name, hosts)
        save(folder, name, found)
    return found


def ensure_client(
    folder: Path, name: str, *, authority: Identity, user: str, groups: Sequence[str] = ()
) -> Identity:
    """The client certificate `name` of a folder; made anew when user or groups differ."""
    found = load(folder, name)
    if found is None or not _is_issued(found, authority) or subject(found) != (user, tuple(groups)):
        found = issue_client(authority, user, groups)
        save(folder, name, found)
    return found


def subject(identity: Identity) -> tuple[str, tuple[str, ...]]:
    """User and groups that a client certificate stands for."""
    return names(identity.parsed().subject)


def names(name: x509.Name) -> tuple[str, tuple[str, ...]]:
    """User and groups that a subject names."""
    users = [str(entry.value) for entry in name.get_attributes_for_oid(NameOID.COMMON_NAME)]
    groups = [str(entry.value) for entry in name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    return (users[0] if users else ""), tuple(groups)


def load(folder: Path, name: str) -> Identity | None:
    """The identity `name` of a folder, or None when it is not complete or not readable as PEM."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    if not certificate.exists() or not key.exists():
        return None
    identity = Identity(certificate.read_bytes(), key.read_bytes())
    try:
        identity.parsed()
        serialization.load_pem_private_key(identity.key, password=None)
    except ValueError:
        return None
    return identity


def save(folder: Path, name: str, identity: Identity) -> None:
    """Write both files, readable by their owner only."""
    folder.mkdir(parents=True, exist_ok=True)
    write_private(folder / f"{name}.crt", identity.certificate)
    write_private(folder / f"{name}.key", identity.key)


def write_private(path: Path, content: bytes) -> None:
    """Replace a file in one step; only its owner may read it."""
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
    draft.replace(path)


def _issue(
    authority: Identity,
    subject_name: x509.Name,
    usage: x509.ObjectIdentifier,
    alternatives: x509.SubjectAlternativeName | None,
) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(subject_name, key.public_key())
        .issuer_name(authority.parsed().subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    )
    if alternatives is not None:
        builder = builder.add_extension(alternatives, critical=False)
    return _signed(builder, key, signer=_private_key(authority))


def _builder(name: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = clock.now()
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _LIFETIME)
    )


def _signed(
    builder: x509.CertificateBuilder,
    key: ec.EllipticCurvePrivateKey,
    *,
    signer: ec.EllipticCurvePrivateKey,
) -> Identity:
    certificate = builder.sign(signer, hashes.SHA256())
    return Identity(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _private_key(identity: Identity) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(identity.key, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"cannot sign with a {type(key).__name__}: not an elliptic curve key")
    return key


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _hosts(identity: Identity) -> set[str]:
    try:
        found = identity.parsed().extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return set()
    return {str(name.value) for name in found.value}


def _is_fresh(identity: Identity) -> bool:
    return identity.parsed().not_valid_after_utc - _RENEW_BEFORE > clock.now()


def _is_issued(identity: Identity, authority: Identity) -> bool:
    try:
        identity.parsed().verify_directly_issued_by(authority.parsed())
    except (ValueError, TypeError, InvalidSignature):
        return False
    return _is_fresh(identity)
