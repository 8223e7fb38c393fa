"""Our CRDs beside those of upstream: same names, same shape, same constraints; words aside."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from choreo_local.api import crds, labels, registry, v1alpha1
from choreo_local.apimachinery.schema import defaulting, pruning, structural, validation
from tests.golden import FIXTURES, fixture, mutations

Verdict = tuple[list[str], dict[str, Any], list[tuple[str, str, str]]]

KINDS = sorted(registry.KINDS)
# How a rule is written is ours; which fields have one, and how many, is not. What the rules accept
# is compared by the replay of objects.
_WORDS = frozenset({"description", "example", "x-kubernetes-validations"})
_RULES = "x-kubernetes-validations"


@cache
def upstream(kind: str) -> dict[str, Any]:
    """The CRD of a kind as upstream ships it."""
    plural = registry.KINDS[kind].resource.plural
    path = fixture(f"crds/openchoreo.dev_{plural}.yaml")
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def shape(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without words, with what has no order sorted and rules counted."""
    result = {key: value for key, value in schema.items() if key not in _WORDS}
    if _RULES in schema:
        result["messages"] = [rule["message"] for rule in schema[_RULES]]
    if "properties" in schema:
        result["properties"] = {
            name: shape(child) for name, child in sorted(schema["properties"].items())
        }
    if "required" in schema:
        result["required"] = sorted(schema["required"])
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            result[key] = shape(schema[key])
    return result


def test_upstream_has_no_kind_that_we_lack() -> None:
    fixture("crds")
    found = {path.name for path in Path(FIXTURES, "crds").glob("*.yaml")}
    assert found == {
        f"openchoreo.dev_{entry.resource.plural}.yaml" for entry in registry.KINDS.values()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_names_scope_columns_and_subresources_are_upstreams(kind: str) -> None:
    theirs, ours = copy.deepcopy(upstream(kind)), crds.manifest(registry.KINDS[kind])
    for crd in (theirs, ours):
        for version in crd["spec"]["versions"]:
            del version["schema"]
    assert ours["spec"] == theirs["spec"]
    assert ours["metadata"]["name"] == theirs["metadata"]["name"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_upstreams_in_all_but_words(kind: str) -> None:
    theirs, ours = (
        crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for crd in (upstream(kind), crds.manifest(registry.KINDS[kind]))
    )
    assert shape(ours) == shape(theirs)


class Judge:
    """What a kube API does with an object of one CRD before it stores it."""

    def __init__(self, crd: dict[str, Any]) -> None:
        written = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        self.schema = structural.from_crd(written)
        self.validator = validation.Validator(self.schema)

    def stored(self, obj: dict[str, Any]) -> dict[str, Any]:
        """The object as it would be stored, if it is valid."""
        result = copy.deepcopy(obj)
        pruning.prune(self.schema, result)
        defaulting.apply(self.schema, result)
        return result

    def verdict(self, obj: dict[str, Any], old: dict[str, Any] | None = None) -> Verdict:
        """Unknown fields, the stored form and the causes of refusal."""
        result = copy.deepcopy(obj)
        unknown = pruning.prune(self.schema, result)
        defaulting.apply(self.schema, result)
        causes = self.validator.validate(result, None if old is None else self.stored(old))
        found = ((each.field, each.reason, _unquoted(each.message)) for each in causes)
        return unknown, result, sorted(found)


def _unquoted(message: str) -> str:
    """A rule that fails is quoted; ours mean the same in words of their own."""
    return message.partition(" evaluating rule: ")[0]


@cache
def judges(kind: str) -> tuple[Judge, Judge]:
    """Upstream's and ours."""
    return Judge(upstream(kind)), Judge(crds.manifest(registry.KINDS[kind]))


@cache
def samples() -> dict[str, list[dict[str, Any]]]:
    """The objects of our kinds in upstream's sample manifests, by kind."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(fixture("samples").rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if document and document.get("apiVersion") == labels.API_VERSION:
                found.setdefault(document["kind"], []).append(document)
    return found


def made(kind: str, random: Random, count: int) -> Iterator[dict[str, Any]]:
    """Objects of a kind made from upstream's schema."""
    schema = upstream(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    parts = {
        name: schema["properties"][name]
        for name in ("spec", "status")
        if name in schema["properties"]
    }
    for _ in range(count):
        obj = {"apiVersion": labels.API_VERSION, "kind": kind, "metadata": {"name": "x"}}
        yield obj | {name: mutations.conforming(random, part) for name, part in parts.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_samples_pass_both_schemas_and_come_out_alike(kind: str) -> None:
    theirs, ours = judges(kind)
    for sample in samples().get(kind, ()):
        unknown, _, causes = ours.verdict(sample)
        assert (unknown, causes) == ([], []), sample["metadata"]["name"]
        assert ours.verdict(sample) == theirs.verdict(sample), sample["metadata"]["name"]


@pytest.mark.parametrize("kind", KINDS)
def test_made_and_damaged_objects_get_the_same_verdict_and_defaults(kind: str) -> None:
    theirs, ours = judges(kind)
    random = Random(f"openchoreo/{kind}")
    originals = [*samples().get(kind, ())[:10], *made(kind, random, 20)]
    for original in originals:
        variants = [original, *(mutations.damaged(random, original, 1) for _ in range(2))]
        variants.append(mutations.damaged(random, original, random.randint(2, 6)))
        for variant in variants:
            assert ours.verdict(variant) == theirs.verdict(variant)


@pytest.mark.parametrize("kind", KINDS)
def test_updates_of_made_objects_get_the_same_verdict(kind: str) -> None:
    theirs, ours = judges(kind)
    random = Random(f"openchoreo/update/{kind}")
    for old in made(kind, random, 20):
        for new in (old, mutations.damaged(random, old, 1), mutations.damaged(random, old, 2)):
            assert ours.verdict(new, old) == theirs.verdict(new, old)


@pytest.mark.parametrize("kind", KINDS)
def test_samples_read_as_their_models_and_are_written_back_alike(kind: str) -> None:
    _, ours = judges(kind)
    for sample in samples().get(kind, ()):
        written = v1alpha1.model(kind).model_validate(sample).to_dict()
        assert ours.stored(written) == ours.stored(sample), sample["metadata"]["name"]
