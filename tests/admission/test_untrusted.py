"""Objects are untrusted: a review answers, whatever they hold."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.admission import registry
from choreo_local.errors import BadRequestError, ForbiddenError

KINDS = sorted({*registry.webhooks(mutating=False), *registry.webhooks(mutating=True)})
WORDS = (
    *("apiVersion", "kind", "metadata", "name", "namespace", "template", "resources", "id"),
    *("parameters", "environmentConfigs", "openAPIV3Schema", "properties", "items", "type"),
    *("$ref", "$defs", "required", "enum", "allOf", "additionalProperties", "default"),
    *(
        "x-kubernetes-list-map-keys",
        "x-kubernetes-int-or-string",
        "pattern",
        "format",
        "x-kubernetes-patch-strategy",
    ),
    *("creates", "patches", "removes", "operations", "op", "path", "value", "target", "where"),
    *("forEach", "var", "includeWhen", "readyWhen", "outputs", "secretKeyRef", "key", "rule"),
    *("validations", "preRenderValidations", "postRenderValidations", "message", "when"),
    *("traits", "instanceName", "allowedTraits", "allowedWorkflows", "workloadType", "spec"),
    *("componentType", "resourceType", "componentProfile", "workload", "container", "image"),
    *("roleMappings", "conditions", "actions", "expression", "runTemplate", "externalRefs"),
)
VALUES = (
    *("", "x", "deployment", "Deployment", "object", "string", "#/$defs/A", "A", "add", "("),
    *("${metadata.name}", "${parameters.x}", "${[1]}", "${", "${}", "${a ${b}}", "${1 +}"),
    *("${applied.a.status.x}", "resource.x", "resource.environment == 'a'", "logs:view"),
    *("\ud800", "${'\ud800'}"),
)
TEXTS = st.sampled_from([*WORDS, *VALUES])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=15,
)


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    operation=st.sampled_from(["CREATE", "UPDATE"]),
    new=st.dictionaries(st.sampled_from(WORDS), JSON, max_size=6),
    old=st.none() | st.dictionaries(st.sampled_from(["spec", "metadata"]), JSON, max_size=2),
)
def test_every_object_is_answered(kind: str, operation: str, new: Any, old: Any) -> None:
    obj = {"metadata": {"name": "x"}, "spec": new}
    try:
        review = registry.review(operation, kind, obj, old)
    except (BadRequestError, ForbiddenError):
        return
    if review.causes:
        assert registry.denial(kind, obj, review.causes).message


@settings(max_examples=200, deadline=None)
@given(schema=JSON, value=JSON)
def test_every_schema_is_answered(schema: Any, value: Any) -> None:
    type_ = {"workloadType": "proxy", "parameters": {"openAPIV3Schema": schema}}
    spec = {"componentType": {"spec": type_}, "componentProfile": {"parameters": value}}
    obj = {"metadata": {"name": "x"}, "spec": spec}
    causes = registry.review("CREATE", "ComponentRelease", obj).causes
    assert registry.denial("ComponentRelease", obj, causes).message
