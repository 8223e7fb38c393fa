"""An instance with a bit of everything, as a Kubernetes API would show its objects."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from choreo_local import pki
from choreo_local.admission import storing
from choreo_local.allinone import bundles
from choreo_local.api import labels
from choreo_local.export.state import Choices, State
from choreo_local.rendering import release as releases

PORTS = {"gateway": 40709, "gateway-tls": 40710, "api": 38429, "kube": 39769}
FOLDER = "/home/somebody/.local/state/choreo/instances/default"
UID = "f6a39754-07c4-4479-a8e7-78dc279dfa39"
CHOICES = Choices("oc.example.com", "apps.example.com")

Manifest = dict[str, Any]


def live(manifest: Mapping[str, Any], *, uid: str = UID, version: str = "435") -> Manifest:
    """A manifest with everything that a cluster adds to it."""
    metadata = {
        **manifest["metadata"],
        "uid": uid,
        "resourceVersion": version,
        "generation": 7,
        "creationTimestamp": "2026-11-21T14:19:23Z",
        "finalizers": ["openchoreo.dev/cleanup"],
        "managedFields": [{"manager": "choreo-bundles", "operation": "Apply"}],
        "ownerReferences": [{"kind": "Component", "name": "x", "uid": uid, "apiVersion": "v1"}],
        "annotations": {
            **(manifest["metadata"].get("annotations") or {}),
            "choreo.dev/release-history": "[]",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
        },
        "labels": {
            **(manifest["metadata"].get("labels") or {}),
            labels.PROJECT_UID: uid,
        },
    }
    status = {"observedGeneration": 7, "conditions": []}
    return {**manifest, "metadata": metadata, "status": status}


@cache
def _bundled() -> tuple[Manifest, ...]:
    values = {
        "GATEWAY_PORT": str(PORTS["gateway"]),
        "OBSERVER_URL": f"http://127.0.0.1:{PORTS['api']}",
    }
    found = [each for name in ("platform", "demo") for each in bundles.load(name).manifests(values)]
    return tuple(
        storing.stored(each) if each["apiVersion"] == labels.API_VERSION else each for each in found
    )


def bundled(kind: str, name: str) -> Manifest:
    """An object that comes with the platform or the demo."""
    return next(
        each for each in _bundled() if (each["kind"], each["metadata"]["name"]) == (kind, name)
    )


def release() -> Manifest:
    """The release of the demo's greeter."""
    made = releases.component_release(
        bundled("Component", "greeter"),
        bundled("ClusterComponentType", "service"),
        workload=bundled("Workload", "greeter"),
        traits=[],
    )
    return storing.stored(made.manifest)


def openchoreo(
    kind: str, name: str, spec: Mapping[str, Any], *, namespace: str = "default"
) -> Manifest:
    """An object of OpenChoreo as it would be stored; no namespace for kinds that have none."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    manifest = {"apiVersion": labels.API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
    return storing.stored(manifest)


def secret(name: str, namespace: str, values: Mapping[str, bytes], **more: Any) -> Manifest:
    """A Secret."""
    data = {key: base64.b64encode(value).decode() for key, value in values.items()}
    metadata = {"name": name, "namespace": namespace, **more}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


@cache
def certificate() -> str:
    """The certificate of an authority."""
    return pki.create_authority("agents of eu").certificate.decode()


def further() -> list[Manifest]:
    """What a busy instance has beside the demo."""
    owner = {"projectName": "default", "componentName": "greeter"}
    remote = {
        "planeID": "eu",
        "clusterAgent": {"clientCA": {"value": certificate()}},
        "secretStoreRef": {"name": "vault"},
        "gateway": {
            "ingress": {
                "external": {
                    "name": "gateway-default",
                    "namespace": "openchoreo-data-plane",
                    "http": {"host": "eu.example.org", "port": 19080, "listenerName": "http"},
                }
            }
        },
    }
    binding = {"owner": owner, "environment": "development", "releaseName": release_name()}
    entry = {"key": "prod/db", "property": "password"}
    channel = {
        "environment": "production",
        "type": "webhook",
        "webhookConfig": {"url": "https://hooks.example.org/x"},
    }
    return [
        release(),
        openchoreo("ReleaseBinding", "greeter-development", binding),
        openchoreo("ClusterDataPlane", "eu", remote, namespace=""),
        openchoreo(
            "SecretReference",
            "db",
            {"template": {"type": "Opaque"}, "data": [{"secretKey": "p", "remoteRef": entry}]},
        ),
        openchoreo("ObservabilityAlertsNotificationChannel", "ops", channel),
        openchoreo(
            "RenderedRelease",
            "greeter-development",
            {"owner": owner, "environmentName": "development", "targetPlane": "dataplane"},
        ),
    ]


def release_name() -> str:
    """The name of the greeter's release."""
    name: str = release()["metadata"]["name"]
    return name


def around() -> list[Manifest]:
    """What is not OpenChoreo's."""
    stand_in = {
        "type": "choreo.local/StandIn",
        "status": "True",
        "message": "a program of ours takes its place",
    }
    key = {"choreo.dev/secret-key": "prod/db"}
    return [
        secret("key-1", "openchoreo-secret-store", {"password": b"s3cret"}, annotations=key),
        secret("blob", "openchoreo-secret-store", {"value": b"\xff\xfe"}),
        secret("webhook", "default", {"token": b"t0ken"}),
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "db-0", "namespace": "dp-x"},
            "spec": {"containers": [{"name": "main", "image": "docker.io/postgres:17"}]},
            "status": {"conditions": [stand_in]},
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data-db-0", "namespace": "dp-x"},
            "spec": {},
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {"name": "gateway-internal", "namespace": "openchoreo-data-plane"},
            "spec": {
                "gatewayClassName": "kgateway",
                "listeners": [{"name": "http", "protocol": "HTTP", "port": 18080}],
            },
        },
    ]


@cache
def _defaults() -> tuple[Manifest, ...]:
    return tuple(storing.stored(each) for each in bundles.load("authz").manifests({}))


def state(more: Iterable[Mapping[str, Any]] = (), *, ports: Mapping[str, int] = PORTS) -> State:
    """The instance, with `more` beside or in place of what it has."""
    objects = [live(each) for each in (*_bundled(), *_defaults(), *further())]
    objects += [each for each in around() if each["kind"] != "Secret"]
    objects += [live(each) for each in around() if each["kind"] == "Secret"]
    known = {_key(each): each for each in objects}
    known |= {_key(each): dict(each) for each in more}
    return State(tuple(known.values()), defaults=_defaults(), ports=ports, folders=[FOLDER])


def without(found: State, kind: str, name: str) -> State:
    """The same instance less one object."""
    kept = [
        each for each in found.objects if (each["kind"], each["metadata"]["name"]) != (kind, name)
    ]
    return replace(found, objects=kept)


def _key(manifest: Mapping[str, Any]) -> tuple[str, str, str]:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata.get("namespace") or "", metadata["name"]
