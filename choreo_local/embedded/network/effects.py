"""What one policy says, field by field, in the values of the route table. Pure.

Shared by the readers of the policies' kinds (`trafficpolicies`, `securitypolicies`) and by
`policies`, which lets the more specific policy win.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from choreo_local.embedded.network import guards, references
from choreo_local.embedded.network.references import Manifest, ObjectKey, World
from choreo_local.embedded.network.table import Cors, HeaderChange, Rewrite


@dataclass(frozen=True, slots=True)
class HeaderChanges:
    """Changes of both directions."""

    request: HeaderChange = field(default_factory=HeaderChange)
    response: HeaderChange = field(default_factory=HeaderChange)


Effect = (
    Rewrite
    | Cors
    | HeaderChanges
    | guards.Jwt
    | guards.Access
    | guards.BasicAuth
    | guards.ApiKeys
    | guards.RateLimit
    | guards.Buffer
    | guards.Retry
    | guards.Timeouts
    | guards.Limits
    | guards.Refused
    | guards.Off
)


@dataclass(slots=True)
class Reading:
    """A policy as it was understood.

    Attributes:
        effects: by field; `Refused` where a field cannot be carried out and nothing may pass.
        ignored: fields that are not carried out, and without which nobody comes further.
        problem: what is wrong with a field that is left out for it.
        watched: Secrets and ConfigMaps on which it depends: kind, namespace, name.
    """

    effects: dict[str, Effect] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    problem: str = ""
    watched: set[tuple[str, str, str]] = field(default_factory=set)

    @property
    def refusals(self) -> Mapping[str, str]:
        """Field → why it cannot be carried out."""
        return {
            name: effect.reason
            for name, effect in self.effects.items()
            if isinstance(effect, guards.Refused)
        }


def policy_name(policy: Manifest) -> str:
    """Unique among the policies of all kinds."""
    metadata = policy["metadata"]
    return f"{policy['kind']}/{metadata['namespace']}/{metadata['name']}"


def secret_data(
    world: World, owner: Manifest, reference: Manifest, reading: Reading
) -> Mapping[str, str] | guards.Refused:
    """The decoded contents of a Secret that an object refers to."""
    own, name = owner["metadata"]["namespace"], reference["name"]
    namespace = reference.get("namespace") or own
    reading.watched.add(("Secret", namespace, name))
    group = owner["apiVersion"].partition("/")[0]
    if not references.is_granted(
        world.grants,
        group=group,
        kind=owner["kind"],
        namespace=own,
        to_kind="Secret",
        to_namespace=namespace,
        to_name=name,
    ):
        return guards.Refused(f"no ReferenceGrant allows the use of Secret {namespace}/{name}")
    return _decoded(world.secrets, (namespace, name))


def _decoded(
    secrets: Mapping[ObjectKey, Manifest], key: ObjectKey
) -> Mapping[str, str] | guards.Refused:
    secret = secrets.get(key)
    if secret is None:
        return guards.Refused(f"Secret {key[0]}/{key[1]} does not exist")
    try:
        return {
            name: base64.b64decode(value, validate=True).decode()
            for name, value in (secret.get("data") or {}).items()
        }
    except (ValueError, binascii.Error):
        return guards.Refused(f"Secret {key[0]}/{key[1]} holds data that is not text")


def htpasswd(text: str) -> guards.BasicAuth | guards.Refused:
    """Users, a line each; only SHA-1, the one form that Envoy compares."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    names = [line.partition(":")[0] for line in lines]
    if not lines:
        return guards.Refused("no user is named")
    if len(set(names)) != len(names):
        return guards.Refused("a user is named twice")
    for line in lines:
        name, _, digest = line.partition(":")
        if not name or not digest.startswith("{SHA}") or not _is_sha1(digest[5:]):
            message = "use the SHA-1 form of htpasswd, `htpasswd -s`"
            return guards.Refused(f'the password of user "{name}" has another form: {message}')
    return guards.BasicAuth("\n".join(lines) + "\n")


def _is_sha1(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 20
    except (ValueError, binascii.Error):
        return False
