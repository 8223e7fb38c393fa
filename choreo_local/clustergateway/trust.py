"""Which client certificate may speak for which plane object. No I/O.

There are no names to check: whoever holds a certificate that the certificates of a plane object
vouch for may serve that object. A certificate that is itself among them is trusted as it is,
authority or not: upstream's agents register their self-signed certificate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import crypto

_PEM = re.compile(
    rb"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{1,100000}-----END CERTIFICATE-----"
)
_CLIENT = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


@dataclass(frozen=True, slots=True)
class Presented:
    """What an agent showed in its handshake."""

    leaf: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()


def authorities(pem: str) -> list[x509.Certificate]:
    """The certificates of a bundle; those that cannot be read are left out."""
    found = []
    for block in _PEM.findall(pem.encode()):
        try:
            found.append(x509.load_pem_x509_certificate(block))
        except ValueError:
            continue
    return found


def objection(presented: Presented, trusted: Sequence[x509.Certificate], *, now: datetime) -> str:
    """Why a certificate may not speak for who trusts these; "" when it may."""
    if not trusted:
        return "no certificate authority is registered"
    store = crypto.X509Store()
    for certificate in trusted:
        store.add_cert(crypto.X509.from_cryptography(certificate))
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    store.set_time(now.replace(tzinfo=None))
    context = crypto.X509StoreContext(
        store,
        crypto.X509.from_cryptography(presented.leaf),
        [crypto.X509.from_cryptography(certificate) for certificate in presented.chain],
    )
    try:
        verified = context.get_verified_chain()
    except crypto.X509StoreContextError as error:
        return _words(presented.leaf, str(error.errors[2]), now)
    without_anchor = verified[:1] if len(verified) == 1 else verified[:-1]
    if not all(_is_for_clients(each.to_cryptography()) for each in without_anchor):
        return "the certificate is not meant for clients (extended key usage)"
    return ""


def _words(leaf: x509.Certificate, reason: str, now: datetime) -> str:
    if leaf.not_valid_after_utc < now:
        return f"the certificate expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    if leaf.not_valid_before_utc > now:
        return f"the certificate is not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    return f"no registered authority vouches for the certificate ({reason})"


def _is_for_clients(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    except ValueError:
        return False
    return any(purpose in _CLIENT for purpose in usage)
