"""Certificate requests: who may approve and sign for a signer, and whom nobody may become."""

from __future__ import annotations

import base64
import binascii

from choreo_local.embedded.kubeapi import problems, rbac
from choreo_local.embedded.kubeapi.authz import Authorizer
from choreo_local.embedded.kubeapi.core import Attributes, Manifest
from choreo_local.embedded.kubeapi.rbac import Action

_GROUP = "certificates.k8s.io"
_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"


class CertificateRequests:
    """Asks for the verbs `approve` and `sign` on signers, beyond those on requests.

    Args:
        authorizer: knows what the writer may do.
    """

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def mutate(self, attributes: Attributes) -> None:
        """Nothing to add."""

    def validate(self, attributes: Attributes) -> None:
        """Refuse what the writer may not decide."""
        kind = attributes.call.collection.kind
        if kind.group != _GROUP or kind.plural != "certificatesigningrequests":
            return
        new, old, subresource = attributes.new, attributes.old, attributes.call.subresource
        if new is not None and old is None:
            _refuse_masters(attributes, new)
        elif new is None or old is None:
            return
        elif subresource == "approval":
            self._require(attributes, old, "approve")
        elif subresource == "status" and _is_signed(old, new):
            self._require(attributes, old, "sign")

    def _require(self, attributes: Attributes, request: Manifest, verb: str) -> None:
        signer = str(request["spec"]["signerName"])
        domain = signer.partition("/")[0]
        for name in (signer, f"{domain}/*"):
            action = Action(verb, _GROUP, "signers", name=name)
            if self._authorizer.decide(attributes.call.user, action).allowed:
                return
        why = f'user not permitted to {verb} requests with signerName "{signer}"'
        raise problems.forbidden(attributes.call.collection.kind, attributes.name, why)


def _is_signed(old: Manifest, new: Manifest) -> bool:
    then, now = old.get("status") or {}, new.get("status") or {}
    return any(then.get(field) != now.get(field) for field in ("certificate", "conditions"))


def _refuse_masters(attributes: Attributes, request: Manifest) -> None:
    # Whoever gets such a certificate is above every rule, for as long as it is valid.
    spec = request.get("spec") or {}
    if spec.get("signerName") != _CLIENT_SIGNER or rbac.MASTERS not in _groups(spec):
        return
    why = f"use of {_CLIENT_SIGNER} signer with {rbac.MASTERS} group is not allowed"
    raise problems.forbidden(attributes.call.collection.kind, attributes.name, why)


def _groups(spec: Manifest) -> list[str]:
    # Loaded late: only such a request needs it.
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        request = x509.load_pem_x509_csr(base64.b64decode(str(spec.get("request") or "")))
        found = request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    except (binascii.Error, ValueError, x509.InvalidVersion):
        # What cannot be read is refused by validation.
        return []
    return [str(entry.value) for entry in found]
