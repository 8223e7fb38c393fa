"""Names of types: group, version, kind, plural; and the URL paths that follow from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

_PLAIN = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")


def _quoted(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else quote(name, safe="")


def split_api_version(api_version: str) -> tuple[str, str]:
    """`apps/v1` → ("apps", "v1"); `v1` → ("", "v1")."""
    group, _, version = api_version.rpartition("/")
    return group, version


def join_api_version(group: str, version: str) -> str:
    """("apps", "v1") → `apps/v1`; ("", "v1") → `v1`."""
    return f"{group}/{version}" if group else version


@dataclass(frozen=True, slots=True)
class GroupVersionKind:
    """What `apiVersion` and `kind` of an object say."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """As in a manifest, e.g. `apps/v1`."""
        return join_api_version(self.group, self.version)

    def __str__(self) -> str:
        """As kube-apiserver prints it, e.g. `apps/v1, Kind=Deployment`."""
        return f"{self.group}/{self.version}, Kind={self.kind}"


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """A served type: enough to build its URLs and to name it in messages."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As in a manifest, e.g. `apps/v1`."""
        return join_api_version(self.group, self.version)

    @property
    def gvk(self) -> GroupVersionKind:
        """The type without its REST name."""
        return GroupVersionKind(self.group, self.version, self.kind)

    @property
    def group_resource(self) -> str:
        """`deployments.apps`, or `pods` in the core group: the form of error messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def root(self) -> str:
        """The URL path of the group and version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """The URL path of the collection, of one object, or of a subresource of it.

        Names are quoted: one that holds `/` or `?` must not change what is asked for.
        """
        parts = [self.root]
        if self.namespaced and namespace:
            parts += ["namespaces", _quoted(namespace)]
        parts.append(self.plural)
        if name is not None:
            parts.append(_quoted(name))
        if subresource is not None:
            parts.append(subresource)
        return "/".join(parts)
