"""Requests for certificates, their approval and what was issued."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names, pemblocks, printed
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_USAGES = (
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
)
_LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
_MIN_SECONDS = 600
_MAX_SIGNER = 253 + 1 + 253 + 63 + 1
_DECISIONS = ("Approved", "Denied")
_LASTING = ("Approved", "Denied", "Failed")
_STATUSES = ("False", "True", "Unknown")
_PATH = "status.conditions"


def validate(obj: Manifest) -> Problems:
    """The problems of a new request."""
    yield from _request(obj)


def _request(obj: Manifest) -> Problems:
    spec = obj["spec"]
    trouble = _csr_trouble(spec.get("request") or "")
    if trouble:
        yield fielderrors.invalid_value("spec.request", spec.get("request"), trouble)
    usages = spec.get("usages") or ()
    if not usages:
        yield fielderrors.required("spec.usages")
    for index, usage in enumerate(usages):
        yield from checks.one_of(f"spec.usages[{index}]", usage, _USAGES)
    yield from checks.duplicates("spec.usages", usages)
    signer = spec.get("signerName") or ""
    if signer == _LEGACY_SIGNER:
        yield fielderrors.invalid_value(
            "spec.signerName", signer, "the legacy signerName is not allowed via this API version"
        )
    else:
        yield from _signer("spec.signerName", signer)
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < _MIN_SECONDS:
        yield fielderrors.invalid_value(
            "spec.expirationSeconds",
            seconds,
            "may not specify a duration less than 600 seconds (10 minutes)",
        )
    yield from _conditions((obj.get("status") or {}).get("conditions") or ())


def _csr_trouble(text: str) -> str:
    from cryptography import exceptions, x509

    try:
        data = base64.b64decode(text)
    except (binascii.Error, ValueError):
        data = b""
    if b"-----BEGIN CERTIFICATE REQUEST-----" not in data:
        return "PEM block type must be CERTIFICATE REQUEST"
    try:
        request = x509.load_pem_x509_csr(data)
        is_signed = request.is_signature_valid
    except (ValueError, x509.InvalidVersion, exceptions.UnsupportedAlgorithm) as error:
        return str(error)
    return "" if is_signed else "x509: signature does not match"


def _signer(path: str, name: str) -> Problems:
    if not name:
        yield fielderrors.required(path)
        return
    domain, *rest = name.split("/")
    if len(rest) != 1:
        yield fielderrors.invalid_value(
            path,
            name,
            "must be a fully qualified domain and path of the form 'example.com/signer-name'",
        )
        return
    yield from checks.at_most_bytes(path, domain, 253)
    yield from _labels(path, domain, names.dns_label)
    if "." not in domain:
        yield fielderrors.invalid_value(
            path, domain, "should be a domain with at least two segments separated by dots"
        )
    yield from _labels(path, rest[0], names.dns_subdomain)
    yield from checks.at_most_bytes(path, name, _MAX_SIGNER)


def _labels(path: str, value: str, rule: names.Check) -> Problems:
    for label in value.split("."):
        problems = rule(label)
        for text in problems:
            yield fielderrors.invalid_value(
                path, value, f"validating label {fielderrors.quote(label)}: {text}"
            )
        if problems:
            return


def _conditions(conditions: Sequence[Object]) -> Problems:
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        type_, path = condition.get("type") or "", f"{_PATH}[{index}]"
        if not type_:
            yield fielderrors.required(f"{path}.type")
        allowed = ("True",) if type_ in _LASTING else _STATUSES
        yield from checks.required_one_of(f"{path}.status", condition.get("status"), allowed)
        if type_ in _DECISIONS and seen & (set(_DECISIONS) - {type_}):
            yield fielderrors.invalid_value(
                _PATH, type_, "Approved and Denied conditions are mutually exclusive"
            )
        if type_ in seen:
            yield fielderrors.duplicate(f"{path}.type", type_)
        seen.add(type_)


def validate_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed request."""
    yield from _update(new, old, may_decide=False, may_issue=False)


def validate_status(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed status: the certificate is issued there."""
    yield from _update(new, old, may_decide=False, may_issue=True)


def validate_approval(new: Manifest, old: Manifest) -> Problems:
    """The problems of an approval or denial."""
    yield from _update(new, old, may_decide=True, may_issue=False)


def _update(new: Manifest, old: Manifest, *, may_decide: bool, may_issue: bool) -> Problems:
    yield from _request(new)
    for type_ in _LASTING:
        given, known = _of_type(new, type_), _of_type(old, type_)
        quoted = fielderrors.quote(type_)
        if len(given) < len(known):
            yield fielderrors.forbidden(
                _PATH, f"updates may not remove a condition of type {quoted}"
            )
        elif type_ not in _DECISIONS or may_decide:
            continue
        elif len(given) > len(known):
            yield fielderrors.forbidden(_PATH, f"updates may not add a condition of type {quoted}")
        elif given != known:
            listed = "[]certificates.CertificateSigningRequestCondition"
            change = printed.difference(listed, known, given)
            yield fielderrors.forbidden(
                _PATH, f"updates may not modify a condition of type {quoted}\n{change}"
            )
    yield from _issued(new, old, may_issue=may_issue)


def _of_type(obj: Manifest, type_: str) -> list[Object]:
    found = (obj.get("status") or {}).get("conditions") or ()
    return [condition for condition in found if condition.get("type") == type_]


def _issued(new: Manifest, old: Manifest, *, may_issue: bool) -> Problems:
    now = (new.get("status") or {}).get("certificate")
    then = (old.get("status") or {}).get("certificate")
    if now == then:
        return
    if not may_issue:
        yield fielderrors.forbidden("status.certificate", "updates may not set certificate content")
    elif then:
        yield fielderrors.forbidden(
            "status.certificate", "updates may not modify existing certificate content"
        )
    elif now:
        trouble = pemblocks.certificates_trouble(now)
        if trouble:
            yield fielderrors.invalid_value("status.certificate", "<certificate data>", trouble)
