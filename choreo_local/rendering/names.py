"""Names of what a render creates, and of the objects around it; pure.

Other programs find objects by these names, so they are upstream's, byte for byte. Used by the
pipelines, the CEL functions and every controller that looks for a child object.

Public: `generate`, `dns_label`, `cell_namespace`, `component_base`, `resource_base`,
`project_release`, `rendered_release`, `observability_release`, `binding`, `network_policy`,
`manifest_id`, `workflow_namespace`, `service_account_role`.
"""

from __future__ import annotations

import functools
import hashlib
import unicodedata
from collections.abc import Sequence

from .errors import RenderError

RESOURCE_NAME = 253
LABEL_NAME = 63
CRON_JOB_NAME = 52

_HASH_LENGTH = 8


def generate(*parts: str, limit: int = RESOURCE_NAME, extra: str = "") -> str:
    """A name of readable parts and a hash over them, never longer than `limit` bytes."""
    return encoded(parts, limit=limit, extra=extra).decode("utf-8", "replace")


def dns_label(*parts: str) -> str:
    """A generated name that fits into a DNS label."""
    return generate(*parts, limit=LABEL_NAME)


@functools.lru_cache(maxsize=4096)
def _encoded(parts: tuple[str, ...], limit: int, extra: str) -> bytes:
    if not parts:
        raise RenderError("runtime error: integer divide by zero")
    room = limit - _HASH_LENGTH - (len(parts) - 1) - 1
    # Both divisions truncate towards zero, also for a limit that leaves no room at all.
    each = int(room / len(parts))
    larger = room - each * len(parts)
    cut = [_cut(_sanitized(part), each + (i < larger)) for i, part in enumerate(parts)]
    source = "-".join(parts) + (f"-{extra}" if extra else "")
    digest = hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()[:_HASH_LENGTH]
    return _trimmed(b"-".join([*cut, digest.encode()]))


def encoded(parts: Sequence[str], *, limit: int, extra: str = "") -> bytes:
    """The bytes of a generated name; a part that was cut inside a letter is not valid UTF-8."""
    return _encoded(tuple(parts), limit, extra)


def cell_namespace(namespace: str, project: str, environment: str) -> str:
    """The data-plane namespace of one project in one environment."""
    return dns_label("dp", namespace, project, environment)


def component_base(component: str, environment: str) -> str:
    """`metadata.name` in component templates."""
    return generate(component, environment)


def resource_base(resource: str, environment: str) -> str:
    """`metadata.name` in resource templates, and the RenderedRelease of a resource binding."""
    return generate(f"r_{resource}", environment)


def project_release(project: str, environment: str) -> str:
    """The RenderedRelease of a project binding."""
    return generate(f"p_{project}", environment)


def rendered_release(component: str, environment: str) -> str:
    """The RenderedRelease of a component on the data plane."""
    return f"{component}-{environment}"


def observability_release(component: str, environment: str) -> str:
    """The RenderedRelease of a component on the observability plane."""
    return f"{component}-{environment}-observability"


def binding(owner: str, environment: str) -> str:
    """The binding that a controller creates for an owner in an environment."""
    return f"{owner}-{environment}"


def network_policy(component: str) -> str:
    """The network policy of a component."""
    name = f"openchoreo-{component}"
    return name if len(name.encode()) <= RESOURCE_NAME else generate("openchoreo", component)


def manifest_id(kind: str, name: str, index: int) -> str:
    """The id of a manifest in a RenderedRelease."""
    if not kind or not name:
        return f"resource-{index}"
    plain = f"{kind.lower()}-{name}"
    return plain if len(plain.encode()) <= LABEL_NAME else dns_label(kind.lower(), name)


def workflow_namespace(namespace: str) -> str:
    """The namespace on the workflow plane in which runs of a control-plane namespace execute."""
    return f"workflows-{namespace}"


def service_account_role(service_account: str) -> tuple[str, str]:
    """Names of the Role and the RoleBinding of a workflow's service account."""
    return f"{service_account}-role", f"{service_account}-role-binding"


def _sanitized(part: str) -> str:
    kept = (_lower(char) if _is_name_char(char) else "-" for char in part)
    return "".join(kept).strip("-.")


def _lower(char: str) -> str:
    # One letter stays one letter; Python would lower U+0130 to two.
    return char.lower()[0]


def _is_name_char(char: str) -> bool:
    return char in "-." or _is_alphanumeric(_lower(char))


def _is_alphanumeric(char: str) -> bool:
    return unicodedata.category(char)[0] in "LN"


def _cut(part: str, size: int) -> bytes:
    data = part.encode("utf-8", "surrogateescape")
    if len(data) <= size:
        return data
    if size < 0:
        raise RenderError(f"runtime error: slice bounds out of range [:{size}]")
    return data[:size]


def _trimmed(name: bytes) -> bytes:
    chars = name.decode("utf-8", "surrogateescape")
    start, end = 0, len(chars)
    while start < end and not _is_alphanumeric(chars[start]):
        start += 1
    while end > start and not _is_alphanumeric(chars[end - 1]):
        end -= 1
    return chars[start:end].encode("utf-8", "surrogateescape")
