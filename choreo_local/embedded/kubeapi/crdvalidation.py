"""What a CustomResourceDefinition must not say, beside what the shape of its kind tells. Pure.

The schemas themselves are judged by `apimachinery.schema.structural.check`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors, names
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.apimachinery.schema import structural
from choreo_local.embedded.kubeapi import crdprinted, crdspecs, jsonpath
from choreo_local.errors import Cause

Manifest = Mapping[str, Any]
Problems = Iterator[Cause]

_SCOPES = ("Cluster", "Namespaced")
_COLUMN_TYPES = ("integer", "number", "string", "boolean", "date")
_COLUMN_FORMATS = [
    "int32",
    "int64",
    "float",
    "double",
    "byte",
    "date",
    "date-time",
    "password",
    "name",
]
_PROTECTED_GROUPS = ("k8s.io", "kubernetes.io")
_APPROVED = "api-approved.kubernetes.io"
_MAX_SELECTABLE = 8
_ROOT_FIELDS = (
    *("Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum"),
    *("ExclusiveMinimum", "MaxLength", "MinLength", "Pattern", "MaxItems", "MinItems"),
    *("UniqueItems", "MultipleOf", "Required", "Items", "Properties", "ExternalDocs", "Example"),
    *("XPreserveUnknownFields", "XValidations"),
)


def validate_create(crd: Manifest) -> list[Cause]:
    """The problems of a new definition."""
    return [
        *_validate_name(crd),
        *_validate_spec(crd),
        *_validate_stored_versions(crd),
        *_validate_approval(crd),
    ]


def validate_update(new: Manifest, old: Manifest) -> list[Cause]:
    """The problems of a changed definition."""
    causes = [*_validate_spec(new, old), *_validate_stored_versions(new)]
    if crdspecs.is_established(old):
        causes += _validate_immutable(new["spec"], old["spec"])
    return causes


def _validate_name(crd: Manifest) -> Problems:
    spec, name = crd["spec"], crd["metadata"].get("name") or ""
    wanted = f"{(spec.get('names') or {}).get('plural', '')}.{spec.get('group', '')}"
    for detail in names.dns1123_subdomain(name) if name else ():
        yield fielderrors.invalid_value("metadata.name", name, detail)
    if name and name != wanted:
        detail = 'must be spec.names.plural+"."+spec.group'
        yield fielderrors.invalid_value("metadata.name", name, detail)


def _validate_immutable(new: Manifest, old: Manifest) -> Problems:
    paths = (("group",), ("scope",), ("names", "kind"), ("names", "plural"))
    for path in paths:
        value = _get(new, path)
        if value != _get(old, path):
            field = ".".join(("spec", *path))
            yield fielderrors.invalid_value(field, value, "field is immutable")


def _get(obj: Manifest, path: Sequence[str]) -> Any:
    found: Any = obj
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _validate_spec(crd: Manifest, old: Manifest | None = None) -> Problems:
    spec = crd["spec"]
    group = spec.get("group") or ""
    if not group:
        yield fielderrors.required("spec.group")
    else:
        texts = names.dns1123_subdomain(group)
        if not texts and len(group.split(".")) < 2:
            texts = ["should be a domain with at least one dot"]
        for text in texts:
            yield fielderrors.invalid_value("spec.group", group, text)
    scope = spec.get("scope") or ""
    if not scope:
        yield fielderrors.required("spec.scope")
    elif scope not in _SCOPES:
        yield fielderrors.not_supported("spec.scope", scope, _SCOPES)
    yield from _validate_versions(spec, None if old is None else old["spec"])
    if spec.get("preserveUnknownFields") and not (old and old["spec"].get("preserveUnknownFields")):
        yield from _validate_preserving(spec)
    yield from _validate_conversion(spec.get("conversion") or {})
    yield from _validate_names(spec.get("names") or {})


def _validate_preserving(spec: Manifest) -> Problems:
    field, value = "spec.preserveUnknownFields", spec["preserveUnknownFields"]
    detail = (
        "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in"
        " spec.versions[*].schema instead"
    )
    yield fielderrors.invalid_value(field, value, detail)
    if any(_has_default(version.get("schema")) for version in spec.get("versions") or ()):
        detail = "must be false in order to use defaults in the schema"
        yield fielderrors.invalid_value(field, value, detail)


def _has_default(schema: Any) -> bool:
    if isinstance(schema, dict):
        return "default" in schema or any(map(_has_default, schema.values()))
    return isinstance(schema, list) and any(map(_has_default, schema))


def _validate_conversion(conversion: Manifest) -> Problems:
    strategy = conversion.get("strategy") or ""
    if strategy not in ("", "None", "Webhook"):
        yield fielderrors.not_supported("spec.conversion.strategy", strategy, ("None", "Webhook"))
    if strategy != "Webhook":
        return
    webhook = conversion.get("webhook") or {}
    if not webhook.get("clientConfig"):
        detail = "required when strategy is set to Webhook"
        yield fielderrors.required("spec.conversion.webhookClientConfig", detail)
    if not webhook.get("conversionReviewVersions"):
        yield fielderrors.required("spec.conversion.conversionReviewVersions")


def _validate_versions(spec: Manifest, old: Manifest | None) -> Problems:
    versions = spec.get("versions") or []
    found = [version.get("name", "") for version in versions]
    if len(set(found)) != len(found):
        shown = crdprinted.versions(versions)
        detail = "must contain unique version names"
        yield fielderrors.invalid_value("spec.versions", shown, detail)
    storages = sum(1 for version in versions if version.get("storage"))
    if storages != 1:
        detail = "must have exactly one version marked as storage version"
        shown = crdprinted.versions(versions)
        yield fielderrors.invalid_value("spec.versions", shown, detail)
    if versions:
        for text in names.dns1035_label(found[0]):
            yield fielderrors.invalid_value("spec.version", found[0], text)
    single = crdprinted.is_shared(versions, "schema")
    for index, version in enumerate(versions):
        field = f"spec.versions[{index}]"
        for text in names.dns1035_label(version.get("name", "")):
            yield fielderrors.invalid_value(f"{field}.name", version.get("name", ""), text)
        yield from _validate_version(version, field, old, single=single and index == 0)


def _validate_version(
    version: Manifest, field: str, old: Manifest | None, *, single: bool
) -> Problems:
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if schema is None:
        yield fielderrors.required(f"{field}.schema.openAPIV3Schema")
    elif not _is_unchanged(version, old):
        path = f"{field}.schema.openAPIV3Schema"
        if single:
            path = "spec.validation.openAPIV3Schema"
        if "status" in (version.get("subresources") or {}):
            yield from _validate_root(schema, path)
        if schema.get("nullable"):
            yield fielderrors.forbidden(f"{path}.nullable", "nullable cannot be true at the root")
        yield from structural.check(schema, path)
    subresources = version.get("subresources") or {}
    prefix = "spec.subresources" if single else f"{field}.subresources"
    yield from _validate_scale(subresources.get("scale"), f"{prefix}.scale")
    columns = version.get("additionalPrinterColumns") or ()
    for index, column in enumerate(columns):
        place = f"{field}.additionalPrinterColumns[{index}]"
        if single:
            place = f"spec.additionalPrinterColumns[{index}]"
        yield from _validate_column(column, place)
    place = "spec.selectableFields" if single else f"{field}.selectableFields"
    yield from _validate_selectable(version.get("selectableFields") or (), schema, place)


def _validate_root(schema: Manifest, path: str) -> Problems:
    """Of a schema with a status, only what can be said of the status alone as well."""
    for name, value in crdprinted.schema(schema).items():
        if value in (None, "", False):
            continue
        if name == "Type" and value != "object":
            detail = (
                'only "object" is allowed as the type at the root of the schema if the status'
                " subresource is enabled"
            )
            yield fielderrors.invalid_value(f"{path}.type", value, detail)
            return
        if name != "Type" and name not in _ROOT_FIELDS:
            known = f"[{' '.join(_ROOT_FIELDS)}]"
            detail = (
                f"only {known} fields are allowed at the root of the schema if the status"
                " subresource is enabled"
            )
            yield fielderrors.invalid_value(path, crdprinted.schema(schema), detail)
            return


def _is_unchanged(version: Manifest, old: Manifest | None) -> bool:
    """A schema that was accepted before stays accepted."""
    if old is None:
        return False
    return any(
        one.get("name") == version.get("name") and one.get("schema") == version.get("schema")
        for one in old.get("versions") or ()
    )


def _validate_scale(scale: Manifest | None, field: str) -> Problems:
    if scale is None:
        return
    wanted = (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status"))
    for name, prefix in wanted:
        path = scale.get(name) or ""
        if not path:
            yield fielderrors.required(f"{field}.{name}")
        else:
            yield from _validate_simple_path(path, f"{field}.{name}", (prefix,))
    selector = scale.get("labelSelectorPath")
    if selector:
        yield from _validate_simple_path(
            selector, f"{field}.labelSelectorPath", (".spec", ".status")
        )


def _validate_simple_path(path: str, field: str, prefixes: Sequence[str]) -> Problems:
    if "[" in path or not path.startswith("."):
        detail = "must be a simple json path (only dot notation is allowed)"
        yield fielderrors.invalid_value(field, path, detail)
    elif not any(path.startswith(f"{prefix}.") for prefix in prefixes):
        words = " or ".join(prefixes)
        yield fielderrors.invalid_value(field, path, f"should be a json path under {words}")


def _validate_column(column: Manifest, field: str) -> Problems:
    if not column.get("name"):
        yield fielderrors.required(f"{field}.name")
    kind = column.get("type") or ""
    if not kind:
        supported = ",".join(sorted(_COLUMN_TYPES))
        yield fielderrors.required(f"{field}.type", f"must be one of {supported}")
    elif kind not in _COLUMN_TYPES:
        supported = ",".join(sorted(_COLUMN_TYPES))
        yield fielderrors.invalid_value(f"{field}.type", kind, f"must be one of {supported}")
    form = column.get("format") or ""
    if form and form not in _COLUMN_FORMATS:
        supported = ",".join(sorted(_COLUMN_FORMATS))
        yield fielderrors.invalid_value(f"{field}.format", form, f"must be one of {supported}")
    path = column.get("jsonPath") or ""
    if not path:
        yield fielderrors.required(f"{field}.JSONPath")
        return
    if not path.startswith("."):
        detail = "must be a simple json path starting with ."
        yield fielderrors.invalid_value(f"{field}.JSONPath", path, detail)
        return
    try:
        jsonpath.compile_path(path)
    except jsonpath.PathError as error:
        yield fielderrors.invalid_value(f"{field}.JSONPath", path, str(error))


def _validate_selectable(
    fields: Sequence[Manifest], schema: Manifest | None, field: str
) -> Problems:
    if len(fields) > _MAX_SELECTABLE:
        yield fielderrors.too_many(field, len(fields), _MAX_SELECTABLE)
    seen: set[str] = set()
    for index, one in enumerate(fields):
        path = one.get("jsonPath") or ""
        place = f"{field}[{index}].jsonPath"
        if not path:
            yield fielderrors.required(place)
        elif path in seen:
            yield fielderrors.duplicate(place, path)
        else:
            yield from _validate_selectable_path(path, schema or {}, place)
        seen.add(path)


def _validate_selectable_path(path: str, schema: Manifest, field: str) -> Problems:
    steps = path.lstrip(".").split(".")
    if "[" in path or not path.startswith("."):
        detail = "is an invalid path: must be a simple json path (only dot notation is allowed)"
        yield fielderrors.invalid_value(field, path, detail)
        return
    found: Any = {} if steps[0] == "metadata" else schema
    for step in steps:
        found = (found.get("properties") or {}).get(step) if isinstance(found, Mapping) else None
    if found is None:
        detail = "is an invalid path: does not refer to a valid field"
        yield fielderrors.invalid_value(field, path, detail)
    elif found.get("type") not in ("string", "boolean", "integer"):
        detail = "must point to a field of type string, boolean or integer. Enum string fields and"
        yield fielderrors.invalid_value(field, path, f"{detail} strings with formats are allowed.")


def _validate_names(found: Manifest) -> Problems:
    labels = [(key, found.get(key) or "") for key in ("plural", "singular")]
    labels += [("kind", (found.get("kind") or "").lower())]
    labels += [("listKind", (found.get("listKind") or "").lower())]
    for key, text in labels:
        if not text:
            if key != "singular":
                yield fielderrors.required(f"spec.names.{key}")
            continue
        shown = found.get(key)
        for problem in names.dns1035_label(text):
            detail = problem
            if key in ("kind", "listKind"):
                detail = f"may have mixed case, but should otherwise match: {problem}"
            yield fielderrors.invalid_value(f"spec.names.{key}", shown, detail)
    for key in ("shortNames", "categories"):
        for index, text in enumerate(found.get(key) or ()):
            for problem in names.dns1035_label(text):
                yield fielderrors.invalid_value(f"spec.names.{key}[{index}]", text, problem)
    if found.get("kind") and found.get("kind") == found.get("listKind"):
        detail = "kind and listKind may not be the same"
        yield fielderrors.invalid_value("spec.names.listKind", found["listKind"], detail)


def _validate_approval(crd: Manifest) -> Problems:
    group = crd["spec"].get("group") or ""
    if not any(group == one or group.endswith(f".{one}") for one in _PROTECTED_GROUPS):
        return
    annotations = crd["metadata"].get("annotations") or {}
    approval = annotations.get(_APPROVED, "")
    field = f"metadata.annotations[{_APPROVED}]"
    if not approval:
        yield fielderrors.required(
            field,
            "protected groups must have approval annotation"
            f' "{_APPROVED}", see https://github.com/kubernetes/enhancements/pull/1111',
        )
    elif not approval.startswith(("unapproved", "http")):
        detail = 'protected groups must have approval annotation "' + _APPROVED
        detail += '" with either a URL or a reason starting with "unapproved", see'
        detail += " https://github.com/kubernetes/enhancements/pull/1111"
        yield fielderrors.invalid_value(field, approval, detail)


def _validate_stored_versions(crd: Manifest) -> list[FieldError]:
    stored = (crd.get("status") or {}).get("storedVersions") or []
    versions = crd["spec"].get("versions") or ()
    known = {version.get("name") for version in versions}
    if not stored:
        detail = "must have at least one stored version"
        return [fielderrors.invalid_value("status.storedVersions", None, detail)]
    missing = [
        fielderrors.invalid_value(
            "status.storedVersions", stored, f"must have the storage version {version['name']}"
        )
        for version in versions
        if version.get("storage") and version.get("name") not in stored
    ]
    return missing + [
        fielderrors.invalid_value(
            f"status.storedVersions[{index}]",
            version,
            f"missing from spec.versions; {version} was previously a storage version, and must"
            " remain in spec.versions until a storage migration ensures no data remains persisted"
            f" in {version} and removes {version} from status.storedVersions",
        )
        for index, version in enumerate(stored)
        if version not in known
    ]
