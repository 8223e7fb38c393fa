"""What kube-apiserver warns about in kinds that have no pods in them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_NANO = 10**9
_INGRESS_CLASS = "kubernetes.io/ingress.class"
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_HINTS = "service.kubernetes.io/topology-aware-hints"
_PEM = b"-----BEGIN "


def of_kind(kind: tuple[str, str], obj: Manifest, *, is_new: bool) -> Iterator[str]:
    """What to warn about in an object of a kind.

    Args:
        kind: group and kind.
        obj: the object.
        is_new: it did not exist before.
    """
    if kind == ("", "PersistentVolumeClaim"):
        if _BETA_CLASS in (obj["metadata"].get("annotations") or {}):
            yield (
                f"metadata.annotations[{_BETA_CLASS}]: deprecated since v1.8; use "
                '"storageClassName" attribute instead'
            )
        yield from _claim(obj["spec"], "spec")
    elif kind == ("apps", "StatefulSet"):
        yield from _stateful_set(obj["spec"])
    elif kind == ("", "Service"):
        yield from _service(obj)
    elif kind == ("", "Secret"):
        yield from _secret(obj)
    elif kind == ("storage.k8s.io", "CSIDriver") and is_new:
        yield from _driver(obj["spec"])
    elif kind == ("networking.k8s.io", "Ingress") and is_new:
        yield from _ingress(obj)


def _claim(spec: Object, path: str) -> Iterator[str]:
    for field in ("requests", "limits"):
        text = ((spec.get("resources") or {}).get(field) or {}).get("storage")
        if text is not None and checks.nanos(text) % _NANO:
            yield (
                f"{path}.resources.{field}[storage]: fractional byte value "
                f"{fielderrors.quote(text)} is invalid, must be an integer"
            )


def _stateful_set(spec: Object) -> Iterator[str]:
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        yield from _claim(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}]")
    if (spec.get("revisionHistoryLimit") or 0) < 0:
        yield (
            "spec.revisionHistoryLimit: a negative value retains all historical revisions; a "
            "value >= 0 is recommended"
        )


def _ingress(obj: Manifest) -> Iterator[str]:
    annotated = _INGRESS_CLASS in (obj["metadata"].get("annotations") or {})
    if annotated and obj["spec"].get("ingressClassName") is None:
        yield (
            f'annotation "{_INGRESS_CLASS}" is deprecated, please use '
            "'spec.ingressClassName' instead"
        )


def _driver(spec: Object) -> Iterator[str]:
    if spec.get("tokenRequests") and spec.get("serviceAccountTokenInSecrets") is None:
        yield (
            "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to "
            "true to prevent possible logging of tokens in volume attributes"
        )


def _service(obj: Manifest) -> Iterator[str]:
    spec: Object = obj["spec"]
    if _HINTS in (obj["metadata"].get("annotations") or {}):
        yield (
            f"annotation {_HINTS} is deprecated, please use service.kubernetes.io/topology-mode "
            "instead"
        )
    is_headless = spec.get("type") == "ClusterIP" and spec.get("clusterIP") == "None"
    is_external = spec.get("type") == "ExternalName"
    if is_headless and spec.get("loadBalancerIP"):
        yield "spec.loadBalancerIP is ignored for headless services"
    if is_headless and spec.get("sessionAffinity") != "None":
        yield "spec.SessionAffinity is ignored for headless services"
    if spec.get("externalIPs"):
        if is_headless:
            yield "spec.externalIPs is ignored for headless services"
        elif is_external:
            yield 'spec.externalIPs is ignored when spec.type is "ExternalName"'
        else:
            yield "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
    if spec.get("externalName") and not is_external:
        yield 'spec.externalName is ignored when spec.type is not "ExternalName"'
    if spec.get("trafficDistribution") == "PreferClose":
        yield 'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'


def _secret(obj: Manifest) -> Iterator[str]:
    if obj.get("type") != "kubernetes.io/tls":
        return
    data = obj.get("data") or {}
    certificate, key = _decoded(data.get("tls.crt")), _decoded(data.get("tls.key"))
    if _PEM not in certificate:
        yield "tls: failed to find any PEM data in certificate input"
    elif _PEM not in key:
        yield "tls: failed to find any PEM data in key input"
    elif not _is_pair(certificate, key):
        yield "tls: private key does not match public key"


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text or "")
    except (binascii.Error, ValueError):
        return b""


def _is_pair(certificate: bytes, key: bytes) -> bool:
    from cryptography import exceptions, x509
    from cryptography.hazmat.primitives import serialization

    try:
        public = x509.load_pem_x509_certificate(certificate).public_key()
        private: Any = serialization.load_pem_private_key(key, password=None)
        return bool(private.public_key() == public)
    except (ValueError, TypeError, AttributeError, exceptions.UnsupportedAlgorithm):
        return False
