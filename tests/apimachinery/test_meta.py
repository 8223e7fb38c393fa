"""Metadata models."""

from __future__ import annotations

from choreo_local.apimachinery.meta import Condition, ListMeta, ObjectMeta, OwnerReference


def test_models_use_the_names_of_the_api() -> None:
    meta = ObjectMeta(
        name="web",
        generate_name="web-",
        owner_references=[
            OwnerReference(api_version="v1", kind="Pod", name="p", uid="u", controller=True)
        ],
    )

    assert meta.to_manifest() == {
        "name": "web",
        "generateName": "web-",
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u", "controller": True}
        ],
    }


def test_models_read_what_the_api_sends_and_keep_what_they_do_not_know() -> None:
    meta = ObjectMeta.model_validate({"resourceVersion": "7", "newField": 1})
    listed = ListMeta.model_validate({"continue": "token", "remainingItemCount": 3})

    assert meta.resource_version == "7"
    assert meta.to_manifest() == {"resourceVersion": "7", "newField": 1}
    assert (listed.continue_, listed.remaining_item_count) == ("token", 3)
    assert listed.to_manifest()["continue"] == "token"
    assert Condition(type="Ready", status="True").to_manifest()["reason"] == ""
