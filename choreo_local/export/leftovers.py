"""What does not move with the objects, and what to do instead. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from choreo_local.api import labels
from choreo_local.embedded.addons import stores
from choreo_local.export import order
from choreo_local.export.addresses import is_local
from choreo_local.export.cleaning import machine_texts
from choreo_local.export.state import Key, Left, Manifest, State, key_of
from choreo_local.images.registry import names

_HOST_IMAGES = "choreo.local"
# Namespaces of components begin so; a shared cluster has others.
_CELLS = "dp-"
_STAND_IN = "choreo.local/StandIn"
_RELEASES = ("ComponentRelease", "ProjectRelease", "ResourceRelease")
_MOST_LISTED = 10


def leftovers(state: State) -> list[Left]:
    """Everything that stays behind, in a fixed order."""
    return [
        *_images(state),
        *_stand_ins(state),
        *_volumes(state),
        *_texts(state),
        *_secrets(state),
        *_removed_defaults(state),
        *_staying(state),
        *_people(state),
    ]


def _images(state: State) -> Iterator[Left]:
    users: dict[str, list[str]] = {}
    for obj in state.of_kind("Workload", "ComponentRelease"):
        for image in sorted(set(_named_images(obj))):
            if _is_only_here(image):
                users.setdefault(image, []).append(str(key_of(obj)))
    for image in sorted(users):
        what = f"image {image}, used by {_listed(users[image])}"
        if image.startswith(f"{_HOST_IMAGES}/"):
            why = "it is a program of this machine, and no image"
            first = "Build a real image, push it"
        else:
            why = "it is in the registry of this instance"
            copying = f"skopeo copy docker://{image} docker://…"
            first = f"While the instance runs, copy it ({copying})"
        then = "put its name into the Workload, and promote the release that follows"
        yield Left(what, why, f"{first} to a registry that the data planes reach, {then}")


def _named_images(obj: Manifest) -> Iterator[str]:
    spec = obj.get("spec") or {}
    workload = spec.get("workload") or {} if obj["kind"] == "ComponentRelease" else spec
    image = (workload.get("container") or {}).get("image")
    if isinstance(image, str):
        yield image


def _is_only_here(image: str) -> bool:
    host = image.partition("/")[0].rpartition(":")[0] or image.partition("/")[0]
    return host in (_HOST_IMAGES, names.HOST_NAME) or is_local(host)


def _stand_ins(state: State) -> Iterator[Left]:
    found: dict[str, set[str]] = {}
    for pod in state.of_kind("Pod"):
        images = [container["image"] for container in pod["spec"].get("containers") or ()]
        for condition in (pod.get("status") or {}).get("conditions") or ():
            if condition["type"] == _STAND_IN and condition["status"] == "True":
                replaced = ", ".join(image for image in images if not _is_only_here(image))
                found.setdefault(replaced, set()).add(str(condition.get("message", "")))
    for replaced in sorted(name for name in found if name):
        yield Left(
            f"the stand-in for {replaced}",
            "; ".join(sorted(found[replaced])),
            "Nothing: the clusters pull and run the real image. Expect it to behave differently, "
            "and look at its settings",
        )


def _volumes(state: State) -> Iterator[Left]:
    for obj in state.of_kind("PersistentVolumeClaim"):
        if not key_of(obj).namespace.startswith(_CELLS):
            continue
        yield Left(
            f"the content of {key_of(obj)}",
            "objects carry no data",
            "Back it up with the tools of the program that wrote it, and restore it into the "
            "volume of the same name once the component runs on its new plane",
        )


def _texts(state: State) -> Iterator[Left]:
    """What people wrote about this machine; releases repeat it and are not listed again."""
    for kind in order.KINDS:
        for obj in state.of_kind(kind) if kind not in _RELEASES else ():
            spec = {"spec": obj.get("spec") or {}}
            found = machine_texts(spec, ports=state.ports.values(), folders=state.folders)
            if found:
                fields = ", ".join(f"{path} ({sign})" for path, sign in found[:_MOST_LISTED])
                yield Left(
                    f"addresses in {key_of(obj)}",
                    f"they mean this machine: {fields}",
                    "Change the object here and export again, or override the value in the "
                    "bindings of the new environments",
                )


def _secrets(state: State) -> Iterator[Left]:
    tenants = {
        obj["metadata"]["name"]
        for obj in state.of_kind(order.NAMESPACE)
        if (obj["metadata"].get("labels") or {}).get(labels.CONTROL_PLANE) == labels.TRUE
    }
    for obj in state.of_kind("Secret"):
        namespace = obj["metadata"].get("namespace")
        if namespace in tenants and namespace != stores.NAMESPACE:
            yield Left(
                str(key_of(obj)),
                "it was made beside the platform; its values are not read",
                "Create it again on the control plane: kubectl create secret",
            )


def _removed_defaults(state: State) -> Iterator[Left]:
    have = {key_of(obj) for obj in state.objects}
    for obj in sorted(state.defaults, key=key_of):
        if key_of(obj) not in have:
            yield Left(
                f"the removal of {key_of(obj)}",
                "every installation starts with it",
                f"Remove it again: kubectl delete {obj['kind'].lower()} {obj['metadata']['name']}",
            )


def _staying(state: State) -> Iterator[Left]:
    for kind, why in order.STAYING.items():
        count = len(state.of_kind(kind))
        if count:
            yield Left(f"{count} {kind}{'s' if count > 1 else ''}", why, "Nothing")


def _people(state: State) -> Iterator[Left]:
    if "directory.yaml" in state.settings:
        yield Left(
            "the people and programs of directory.yaml",
            "they sign in at this instance",
            "Enter them at the identity provider of the installation, in the groups that the "
            "role bindings name",
        )
    if "identity.yaml" in state.settings:
        yield Left(
            "the issuers of identity.yaml",
            "an installation takes tokens of one issuer",
            "Name it under security.oidc in control-plane/values.yaml, and in those of the "
            "observability plane",
        )


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def is_default(obj: Manifest, defaults: Mapping[Key, Manifest]) -> bool:
    """Whether an object is as every installation has it."""
    default: Any = defaults.get(key_of(obj))
    return default is not None and bool(default.get("spec") == obj.get("spec"))
