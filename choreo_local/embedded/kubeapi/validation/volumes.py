"""Volumes of pods: one source each, and what the sources must say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, claims, metadata, names, references
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Object = Mapping[str, Any]

_MODE_WORDS = "must be a number between 0 and 0777 (octal), both inclusive"
_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_MIN_TOKEN_SECONDS = 600
# In one message, the real one spells these fields differently.
MISNAMED = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}
_MAX_TOKEN_SECONDS = 1 << 32
_KEY_TYPES = ("RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519")


def validate(
    volumes: Iterable[Object], path: str, *, pod: str = ""
) -> tuple[dict[str, Object], list[fielderrors.FieldError]]:
    """The volumes that are sound, by name, and the problems of the others.

    Args:
        volumes: of a pod.
        path: where they are.
        pod: the name of the pod, empty in templates.
    """
    listed = list(volumes)
    made = {
        f"{pod}-{one.get('name')}" for one in listed if pod and one.get("ephemeral") is not None
    }
    sound: dict[str, Object] = {}
    found: list[fielderrors.FieldError] = []
    for index, volume in enumerate(listed):
        here, name = f"{path}[{index}]", volume.get("name") or ""
        problems = list(_source(volume, here, pod=pod))
        if not name:
            problems.append(fielderrors.required(f"{here}.name"))
        else:
            problems += checks.fits(f"{here}.name", name, names.dns_label)
        if name in sound:
            problems.append(fielderrors.duplicate(f"{here}.name", name))
        if problems:
            found += problems
        else:
            sound[name] = volume
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if claim in made:
            found.append(
                fielderrors.invalid_value(
                    f"{here}.persistentVolumeClaim.claimName",
                    claim,
                    "must not reference a PVC that gets created for an ephemeral volume",
                )
            )
    return sound, found


def _source(volume: Object, path: str, *, pod: str) -> Problems:
    given = [field for field in SOURCES if volume.get(field) is not None]
    if not given:
        yield fielderrors.required(path, "must specify a volume type")
        return
    for field in given[1:]:
        yield fielderrors.forbidden(
            f"{path}.{MISNAMED.get(field, field)}", "may not specify more than 1 volume type"
        )
    field = given[0]
    yield from SOURCES[field](volume[field], f"{path}.{field}")
    if field == "ephemeral" and pod and volume.get("name"):
        claim = f"{pod}-{volume['name']}"
        for text in names.dns_subdomain(claim):
            yield fielderrors.invalid_value(
                f"{path}.name", volume["name"], f'PVC name "{claim}": {text}'
            )


def needs(*fields: str) -> Callable[[Object, str], Problems]:
    """A source that must name a few things, and has no other rule."""

    def check(source: Object, path: str) -> Problems:
        for field in fields:
            if not source.get(field):
                yield fielderrors.required(f"{path}.{field}")

    return check


def _empty_dir(source: Object, path: str) -> Problems:
    limit = source.get("sizeLimit")
    if limit is not None and checks.nanos(limit) < 0:
        yield fielderrors.forbidden(
            f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity"
        )


def host_path(source: Object, path: str) -> Problems:
    """A path on the node."""
    if not source.get("path"):
        yield fielderrors.required(f"{path}.path")
        return
    yield from checks.no_back_steps(f"{path}.path", source["path"])
    if source.get("type") is not None:
        yield from checks.one_of(f"{path}.type", source["type"], _HOST_PATH_TYPES)


def _git_repo(source: Object, path: str) -> Problems:
    yield from needs("repository")(source, path)
    yield from checks.relative_path(f"{path}.directory", source.get("directory") or "")


def nfs(source: Object, path: str) -> Problems:
    """A directory of a file server."""
    yield from needs("server", "path")(source, path)
    directory = source.get("path") or ""
    if not directory.startswith("/"):
        yield fielderrors.invalid_value(f"{path}.path", directory, "must be an absolute path")


def _file_mode(path: str, mode: int | None) -> Problems:
    if mode is not None and not 0 <= mode <= 0o777:
        yield fielderrors.invalid_value(path, mode, _MODE_WORDS)


def _keyed(name_field: str) -> Callable[[Object, str], Problems]:
    def check(source: Object, path: str) -> Problems:
        yield from needs(name_field)(source, path)
        yield from _file_mode(f"{path}.defaultMode", source.get("defaultMode"))
        for index, item in enumerate(source.get("items") or ()):
            yield from _item(item, f"{path}.items[{index}]")

    return check


def _item(item: Object, path: str) -> Problems:
    yield from needs("key", "path")(item, path)
    yield from local_path(f"{path}.path", item.get("path") or "")
    yield from _file_mode(f"{path}.mode", item.get("mode"))


def local_path(path: str, value: str) -> Problems:
    """A relative path that does not begin with two dots."""
    yield from checks.relative_path(path, value)
    if value.startswith("..") and not value.startswith("../"):
        yield fielderrors.invalid_value(path, value, "must not start with '..'")


def _downward(source: Object, path: str) -> Problems:
    yield from _file_mode(f"{path}.defaultMode", source.get("defaultMode"))
    for item in source.get("items") or ():
        yield from _downward_file(item, path)


def _downward_file(item: Object, path: str) -> Problems:
    yield from needs("path")(item, path)
    yield from local_path(f"{path}.path", item.get("path") or "")
    field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
    if field is not None:
        yield from references.pod_field(f"{path}.fieldRef", field, references.VOLUME_FIELDS)
        if resource is not None:
            yield fielderrors.invalid_value(
                path,
                "resource",
                "fieldRef and resourceFieldRef can not be specified simultaneously",
            )
    elif resource is not None:
        yield from references.container_resource(
            f"{path}.resourceFieldRef", resource, needs_container=True
        )
    else:
        yield fielderrors.required(path, "one of fieldRef and resourceFieldRef is required")
    yield from _file_mode(f"{path}.mode", item.get("mode"))


def _projected(source: Object, path: str) -> Problems:
    yield from _file_mode(f"{path}.defaultMode", source.get("defaultMode"))
    used: set[str] = set()
    for index, projection in enumerate(source.get("sources") or ()):
        here = f"{path}.sources[{index}]"
        given = [field for field in _PROJECTIONS if projection.get(field) is not None]
        for field in given:
            found = projection[field]
            yield from _PROJECTIONS[field](found, f"{here}.{field}", path)
            for value, shown in _projected_paths(field, found):
                if value in used:
                    yield fielderrors.invalid_value(path, shown, "conflicting duplicate paths")
                used.add(value)
        if len(given) > 1:
            yield fielderrors.forbidden(here, "may not specify more than 1 volume type per source")


def _projected_paths(field: str, projection: Object) -> list[tuple[str, str]]:
    """The paths of files, and what a conflict of each is shown as."""
    if field in ("secret", "configMap"):
        shown = projection.get("name") or ""
        return [(one["path"], shown) for one in projection.get("items") or () if one.get("path")]
    if field == "downwardAPI":
        items = projection.get("items") or ()
        return [(one["path"], one["path"]) for one in items if one.get("path")]
    if field == "clusterTrustBundle":
        return [(projection.get("path") or "",) * 2]
    if field == "podCertificate":
        paths = [projection.get(one) for one in _CERTIFICATE_PATHS]
        return [(path, path) for path in paths if path]
    return []


def _projected_keys(projection: Object, path: str, volume: str) -> Problems:
    yield from needs("name")(projection, path)
    for index, item in enumerate(projection.get("items") or ()):
        yield from _item(item, f"{path}.items[{index}]")


def _projected_downward(projection: Object, path: str, volume: str) -> Problems:
    for item in projection.get("items") or ():
        yield from _downward_file(item, path)


def _projected_token(projection: Object, path: str, volume: str) -> Problems:
    seconds = projection.get("expirationSeconds") or 0
    if seconds < _MIN_TOKEN_SECONDS:
        yield fielderrors.invalid_value(
            f"{path}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes"
        )
    if seconds > _MAX_TOKEN_SECONDS:
        yield fielderrors.invalid_value(
            f"{path}.expirationSeconds",
            seconds,
            "may not specify a duration larger than 2^32 seconds",
        )
    if not projection.get("path"):
        yield fielderrors.required(f"{volume}.path")
    else:
        yield from local_path(f"{volume}.path", projection["path"])


def _projected_bundle(projection: Object, path: str, volume: str) -> Problems:
    name, signer = projection.get("name"), projection.get("signerName")
    if name is not None and signer is not None:
        yield fielderrors.invalid_value(
            path, projection, "only one of name and signerName may be used"
        )
    elif name is None and signer is None:
        yield fielderrors.required(path, "either name or signerName must be specified")
    elif name == "":
        yield fielderrors.required(f"{path}.name", "must be a valid object name")
    elif signer == "":
        yield fielderrors.required(f"{path}.signerName", "must be a valid signer name")
    yield from checks.label_selector(f"{path}.labelSelector", projection.get("labelSelector"))
    yield from needs("path")(projection, path)
    yield from local_path(f"{path}.path", projection.get("path") or "")


_CERTIFICATE_PATHS = ("credentialBundlePath", "keyPath", "certificateChainPath")


def _projected_certificate(projection: Object, path: str, volume: str) -> Problems:
    yield from checks.one_of(f"{path}.keyType", projection.get("keyType"), _KEY_TYPES)
    given = [field for field in _CERTIFICATE_PATHS if projection.get(field)]
    for field in given:
        yield from local_path(f"{path}.{field}", projection[field])
    if not given:
        yield fielderrors.required(
            path,
            "specify at least one of credentialBundlePath, keyPath, and certificateChainPath",
        )


_PROJECTIONS: dict[str, Callable[[Object, str, str], Problems]] = {
    "secret": _projected_keys,
    "configMap": _projected_keys,
    "downwardAPI": _projected_downward,
    "serviceAccountToken": _projected_token,
    "clusterTrustBundle": _projected_bundle,
    "podCertificate": _projected_certificate,
}


def csi(source: Object, path: str) -> Problems:
    """A volume of a driver, made for the pod."""
    yield from csi_driver_name(f"{path}.driver", source.get("driver") or "")
    secret = source.get("nodePublishSecretRef")
    if secret is not None and not secret.get("name"):
        yield fielderrors.required(f"{path}.nodePublishSecretRef.name")
    elif secret is not None:
        yield from checks.fits(f"{path}.name", secret["name"], names.dns_subdomain)


def csi_driver_name(path: str, name: str) -> Problems:
    """Names of drivers."""
    if not name:
        yield fielderrors.required(path)
        return
    if len(name) > 63:
        yield fielderrors.too_long(path, 63)
    for text in names.dns_subdomain(name.lower()):
        yield fielderrors.invalid_value(path, name, text)


def _ephemeral(source: Object, path: str) -> Problems:
    template = source.get("volumeClaimTemplate")
    if template is None:
        yield fielderrors.required(f"{path}.volumeClaimTemplate")
        return
    path = f"{path}.volumeClaimTemplate"
    meta = template.get("metadata") or {}
    yield from metadata.check_annotations(meta.get("annotations"), f"{path}.metadata.annotations")
    yield from metadata.check_labels(meta.get("labels"), f"{path}.metadata.labels")
    yield from claims.validate_spec(template.get("spec") or {}, f"{path}.spec")


def _image(source: Object, path: str) -> Problems:
    yield from needs("reference")(source, path)
    policy = source.get("pullPolicy")
    if policy is not None:
        yield from checks.one_of(f"{path}.pullPolicy", policy, ("Always", "IfNotPresent", "Never"))


# In the order in which a pod's sources are looked at: the first one counts.
SOURCES: dict[str, Callable[[Object, str], Problems]] = {
    "emptyDir": _empty_dir,
    "hostPath": host_path,
    "gitRepo": _git_repo,
    "gcePersistentDisk": needs("pdName"),
    "awsElasticBlockStore": needs("volumeID"),
    "secret": _keyed("secretName"),
    "nfs": nfs,
    "iscsi": needs("targetPortal", "iqn"),
    "glusterfs": needs("endpoints", "path"),
    "flocker": lambda source, path: iter(()),
    "persistentVolumeClaim": needs("claimName"),
    "rbd": needs("monitors", "image"),
    "cinder": needs("volumeID"),
    "cephfs": needs("monitors"),
    "quobyte": needs("registry", "volume"),
    "downwardAPI": _downward,
    "fc": lambda source, path: iter(()),
    "flexVolume": needs("driver"),
    "configMap": _keyed("name"),
    "azureFile": needs("secretName", "shareName"),
    "vsphereVolume": needs("volumePath"),
    "photonPersistentDisk": needs("pdID"),
    "portworxVolume": needs("volumeID"),
    "azureDisk": needs("diskName", "diskURI"),
    "storageos": needs("volumeName"),
    "projected": _projected,
    "scaleIO": needs("gateway", "system", "volumeName"),
    "csi": csi,
    "ephemeral": _ephemeral,
    "image": _image,
}
