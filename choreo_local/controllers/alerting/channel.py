"""ObservabilityAlertsNotificationChannel → what the observer reads on its plane. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from choreo_local import clock
from choreo_local.api import labels
from choreo_local.api.conditions import EventReason
from choreo_local.controllers import references
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import Event, Outcome, PlaneReference, PlaneWork, Reference

FIELD_MANAGER = labels.MANAGED_BY_NOTIFICATION_CHANNEL
# How long a deletion waits for a plane that cannot be used before it leaves the objects behind.
PATIENCE = timedelta(minutes=2)
_HEADER = "webhook.header."


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the decision may look at, already read.

    Attributes:
        siblings: channels of the environment that are not being deleted, this one included.
        plane: where the observer of the environment reads; None when it cannot be used.
        missing: why it cannot be used.
        secrets: the Secrets that the channel takes values from, by name.
        now: the time of this look, as in a manifest.
    """

    channel: Manifest
    siblings: Sequence[Manifest]
    plane: PlaneReference | None
    missing: str
    secrets: Mapping[str, Manifest]
    now: str


def reconcile(observed: Observed) -> Outcome:
    """Put the channel down where the observer of its environment finds it."""
    channel = observed.channel
    if references.is_deleting(channel):
        return _finalize(observed)
    finalizer = references.missing_finalizer(channel, labels.NOTIFICATION_CHANNEL_FINALIZER)
    if _becomes_default(observed):
        return Outcome(add_finalizer=finalizer, apply=(_default(channel),))
    if observed.plane is None:
        return Outcome(add_finalizer=finalizer, failed=observed.missing)
    try:
        secret = _secret(channel, observed.secrets)
    except LookupError as error:
        return Outcome(add_finalizer=finalizer, failed=str(error.args[0]))
    work = PlaneWork(
        plane=observed.plane,
        field_manager=FIELD_MANAGER,
        apply=(("configmap", _config_map(channel)), ("secret", secret)),
    )
    return Outcome(add_finalizer=finalizer, on_plane=work)


def _becomes_default(observed: Observed) -> bool:
    """An environment with channels has a default: the oldest, unless somebody chose."""
    if any(sibling["spec"].get("isEnvDefault") for sibling in observed.siblings):
        return False
    oldest = min(observed.siblings, key=_age, default=observed.channel)
    return bool(oldest["metadata"]["name"] == observed.channel["metadata"]["name"])


def _age(channel: Manifest) -> tuple[str, str]:
    metadata = channel["metadata"]
    return metadata.get("creationTimestamp") or "", metadata["name"]


def _default(channel: Manifest) -> dict[str, Any]:
    fields = ("name", "namespace", "uid")
    return {
        "apiVersion": labels.API_VERSION,
        "kind": channel["kind"],
        "metadata": {field: channel["metadata"][field] for field in fields},
        "spec": {"isEnvDefault": True},
    }


def secret_names(channel: Manifest) -> set[str]:
    """The Secrets that a channel takes values from."""
    return {reference["name"] for _, reference in _secret_values(channel)}


def _secret_values(channel: Manifest) -> Iterator[tuple[str, Mapping[str, str]]]:
    spec = channel.get("spec") or {}
    auth = ((spec.get("emailConfig") or {}).get("smtp") or {}).get("auth") or {}
    sources = {f"smtp.auth.{field}": auth.get(field) for field in ("username", "password")}
    for name, header in sorted((_webhook(channel).get("headers") or {}).items()):
        sources[f"{_HEADER}{name}"] = header.get("valueFrom")
    for key, source in sources.items():
        reference = (source or {}).get("secretKeyRef")
        if reference:
            yield key, reference


def _webhook(channel: Manifest) -> Mapping[str, Any]:
    return (channel.get("spec") or {}).get("webhookConfig") or {}


def _manifest(channel: Manifest, kind: str) -> dict[str, Any]:
    metadata = channel["metadata"]
    name = metadata["name"]
    found = {
        labels.APP_MANAGED_BY: labels.MANAGED_BY_NOTIFICATION_CHANNEL,
        labels.APP_NAME: name,
        labels.NOTIFICATION_CHANNEL_NAME: name,
    }
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": metadata["namespace"], "labels": found},
    }


def _config_map(channel: Manifest) -> dict[str, Any]:
    spec = channel["spec"]
    data = {"type": spec["type"], "isEnvDefault": _word(bool(spec.get("isEnvDefault")))}
    details = _email_data if spec["type"] == "email" else _webhook_data
    return {**_manifest(channel, "ConfigMap"), "data": {**data, **details(spec)}}


def _email_data(spec: Manifest) -> dict[str, str]:
    email = spec["emailConfig"]
    smtp, template = email["smtp"], email.get("template") or {}
    return {
        "from": email["from"],
        "to": f"[{' '.join(email['to'])}]",
        "smtp.host": smtp["host"],
        "smtp.port": str(smtp["port"]),
        "smtp.tls.insecureSkipVerify": _word(
            bool((smtp.get("tls") or {}).get("insecureSkipVerify"))
        ),
        **{f"template.{field}": text for field, text in sorted(template.items())},
    }


def _webhook_data(spec: Manifest) -> dict[str, str]:
    webhook = spec["webhookConfig"]
    headers = sorted((webhook.get("headers") or {}).items())
    data = {"webhook.url": webhook["url"]}
    if webhook.get("payloadTemplate"):
        data["webhook.payloadTemplate"] = webhook["payloadTemplate"]
    if headers:
        data["webhook.headers"] = ",".join(name for name, _ in headers)
    literal = {f"{_HEADER}{name}": value["value"] for name, value in headers if value.get("value")}
    return data | literal


def _word(value: bool) -> str:  # noqa: FBT001 - private, one caller form
    return "true" if value else "false"


def _secret(channel: Manifest, secrets: Mapping[str, Manifest]) -> dict[str, Any]:
    """The Secret for the plane; LookupError says which value is missing."""
    data = {}
    for key, reference in _secret_values(channel):
        name, field = reference["name"], reference["key"]
        if name not in secrets:
            raise LookupError(f'Secret "{name}" not found')
        value = (secrets[name].get("data") or {}).get(field)
        if value is None:
            raise LookupError(f'key "{field}" not found in Secret "{name}"')
        data[key] = base64.b64encode(base64.b64decode(value).strip()).decode()
    return {**_manifest(channel, "Secret"), "type": "Opaque", "data": data}


def _finalize(observed: Observed) -> Outcome:
    channel, finalizer = observed.channel, labels.NOTIFICATION_CHANNEL_FINALIZER
    if finalizer not in references.finalizers(channel):
        return Outcome()
    if observed.plane is None:
        return _give_up(observed, finalizer)
    metadata = channel["metadata"]
    work = PlaneWork(
        plane=observed.plane,
        field_manager=FIELD_MANAGER,
        delete=tuple(
            Reference("v1", kind, metadata["name"], metadata["namespace"])
            for kind in ("ConfigMap", "Secret")
        ),
    )
    return Outcome(on_plane=work, remove_finalizer=finalizer)


def _give_up(observed: Observed, finalizer: str) -> Outcome:
    """Nobody may ever reach that plane again: wait a while, then go and say what was left."""
    began = clock.parse_timestamp(observed.channel["metadata"]["deletionTimestamp"])
    left = began + PATIENCE - clock.parse_timestamp(observed.now)
    if left > timedelta(0):
        return Outcome(requeue_after=left)
    message = f"Left the channel's ConfigMap and Secret on their plane: {observed.missing}"
    return Outcome(
        events=(Event(EventReason.CLEANUP_SKIPPED, message, warning=True),),
        remove_finalizer=finalizer,
    )
