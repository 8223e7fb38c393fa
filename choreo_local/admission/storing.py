"""What a kube API with our CRDs and webhooks makes of an object before it stores it; pure.

For objects that never reach one: `choreo render` refuses what an apply would refuse, and renders
from the same defaults.

Public: `stored(manifest)`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cache
from typing import Any

from choreo_local.api import crds, labels
from choreo_local.api import registry as kinds
from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.schema import defaulting, pruning, structural
from choreo_local.apimachinery.schema.validation import Validator
from choreo_local.errors import BadRequestError, ForbiddenError

from . import registry
from .registry import Manifest


def stored(manifest: Mapping[str, Any]) -> Manifest:
    """A new object as it would be stored.

    Raises:
        BadRequestError: it has fields that its kind does not know, or is of no kind of ours.
        ForbiddenError: it cannot be completed.
        InvalidError: its schema or a webhook refuses it.
    """
    kind = str(manifest.get("kind"))
    if manifest.get("apiVersion") != labels.API_VERSION or kind not in kinds.KINDS:
        raise BadRequestError(f'no matches for kind "{kind}" in {manifest.get("apiVersion")}')
    validator = _validator(kind)
    given = copy.deepcopy(dict(manifest))
    unknown = pruning.prune(validator.schema, given)
    if unknown:
        listed = ", ".join(f'unknown field "{field}"' for field in unknown)
        raise BadRequestError(f"strict decoding error: {listed}")
    try:
        obj = registry.completed(registry.CREATE, kind, given)
    except ForbiddenError as error:
        raise registry.obstacle(kind, error) from error
    defaulting.apply(validator.schema, obj)
    causes = validator.validate(obj)
    if causes:
        raise fielderrors.invalid(kind, str(obj["metadata"]["name"]), causes, group=labels.GROUP)
    review = registry.review(registry.CREATE, kind, obj)
    if review.causes:
        raise registry.denial(kind, obj, review.causes)
    return review.patched


@cache
def _validator(kind: str) -> Validator:
    return Validator(structural.from_crd(crds.schema(kinds.KINDS[kind])))
