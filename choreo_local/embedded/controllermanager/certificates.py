"""Signs the certificate requests that somebody approved, with the authority of the cluster.

`kubectl certificate approve` only says yes. The signers are those of Kubernetes itself; requests
to others wait for whoever they belong to.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from choreo_local import clock, pki
from choreo_local.apimachinery import conditions
from choreo_local.embedded.controllermanager import kinds, plans
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest, Plan
from choreo_local.tasks import TaskGroup

SIGNERS = frozenset(
    {
        "kubernetes.io/kube-apiserver-client",
        "kubernetes.io/kube-apiserver-client-kubelet",
        "kubernetes.io/kubelet-serving",
    }
)
_LONGEST = timedelta(days=365)
_SHORTEST_SECONDS = 600


class RequestRefused(ValueError):
    """A request that its signer does not sign; the text is for its status."""


def plan(request: Manifest, authority: pki.Identity) -> Plan:
    """Issue, or say why not, once; requests of other signers are theirs."""
    status = request.get("status") or {}
    known: Sequence[Mapping[str, Any]] = status.get("conditions") or ()
    is_settled = bool(status.get("certificate")) or conditions.is_true(known, "Failed")
    if is_settled or request["spec"]["signerName"] not in SIGNERS:
        return Plan()
    if not conditions.is_true(known, "Approved") or conditions.is_true(known, "Denied"):
        return Plan()
    try:
        issued = sign(request["spec"], authority)
    except RequestRefused as error:
        wanted = {**status, "conditions": [*known, _failed(str(error))]}
    else:
        wanted = {**status, "certificate": base64.b64encode(issued).decode()}
    return Plan((plans.update_status(kinds.CERTIFICATE_REQUESTS, {**request, "status": wanted}),))


def sign(spec: Manifest, authority: pki.Identity) -> bytes:
    """The certificate that a request asks for, PEM."""
    try:
        asked = x509.load_pem_x509_csr(base64.b64decode(spec["request"]))
        is_own = asked.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as error:
        raise RequestRefused(f"unable to parse csr: {error}") from error
    if not is_own:
        raise RequestRefused("unable to parse csr: its signature does not fit its key")
    _check(asked, spec)
    seconds = spec.get("expirationSeconds")
    lifetime = timedelta(seconds=max(int(seconds), _SHORTEST_SECONDS)) if seconds else _LONGEST
    return pki.issue_for(
        authority, asked, usages=list(spec.get("usages") or ()), lifetime=min(lifetime, _LONGEST)
    )


def _check(asked: x509.CertificateSigningRequest, spec: Manifest) -> None:
    """What a signer asks of its requests beyond what the kube API checks."""
    signer = spec["signerName"].removeprefix("kubernetes.io/")
    usages = set(spec.get("usages") or ())
    if signer.startswith("kube-apiserver-client") and "client auth" not in usages:
        raise RequestRefused('usages did not contain "client auth"')
    if signer == "kubelet-serving" and "server auth" not in usages:
        raise RequestRefused('usages did not contain "server auth"')
    if signer in {"kubelet-serving", "kube-apiserver-client-kubelet"}:
        user, groups = pki.names(asked.subject)
        if groups != ("system:nodes",) or not user.startswith("system:node:"):
            raise RequestRefused("subject organization is not system:nodes")


def _failed(message: str) -> dict[str, str]:
    now = clock.timestamp(clock.now())
    return {
        "type": "Failed",
        "status": "True",
        "reason": "SignerValidationFailure",
        "message": message,
        "lastUpdateTime": now,
        "lastTransitionTime": now,
    }


class CertificatesLoop:
    """Looks at each request when it changes."""

    def __init__(
        self, informers: SharedInformers, objects: Objects, authority: pki.Identity
    ) -> None:
        self._objects = objects
        self._authority = authority
        self._requests = informers.of(kinds.CERTIFICATE_REQUESTS)
        self._loop: Loop[str] = Loop("certificates", self._look, workers=1)
        self._requests.add_callback(self._changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    def _changed(self, old: Manifest | None, new: Manifest | None) -> None:
        del old
        if new is not None:
            self._loop.queue.add(new["metadata"]["name"])

    async def _look(self, name: str) -> float | None:
        request = self._requests.get(name)
        if request is None:
            return None
        return await self._objects.carry_out(plan(request, self._authority))
