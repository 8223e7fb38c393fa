"""PEM texts that are to hold certificates and nothing else."""

from __future__ import annotations

import base64
import binascii
import re

_BLOCK = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{1,64})-----\r?\n([A-Za-z0-9+/=\r\n:, \t-]*?)-----END \1-----"
)
_WANTED = b"CERTIFICATE"


def certificates_trouble(encoded: str) -> str:
    """Why a base64 text is no list of certificates; empty when it is one."""
    try:
        blocks = _BLOCK.findall(base64.b64decode(encoded))
    except (binascii.Error, ValueError):
        blocks = []
    for title, content in blocks:
        trouble = _block_trouble(title, content)
        if trouble:
            return trouble
    return "" if blocks else "must contain at least one CERTIFICATE PEM block"


def _block_trouble(title: bytes, content: bytes) -> str:
    if title != _WANTED:
        return f'only CERTIFICATE PEM blocks are allowed, found "{title.decode()}"'
    if b":" in content:
        return "no PEM block headers are permitted"
    from cryptography import x509

    try:
        x509.load_der_x509_certificate(base64.b64decode(content))
    except (binascii.Error, ValueError):
        return "x509: malformed certificate"
    return ""
