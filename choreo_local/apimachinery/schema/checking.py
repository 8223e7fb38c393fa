"""Which OpenAPI schemas a CustomResourceDefinition may carry: the rules of structural schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError

ROOT = "spec.validation.openAPIV3Schema"


def check(openapi_v3_schema: Mapping[str, Any], path: str = ROOT) -> list[FieldError]:
    """The problems that forbid a CRD with this schema."""
    if openapi_v3_schema.get("type") == "object":
        return []
    shown = openapi_v3_schema.get("type", "")
    return [fielderrors.invalid_value(f"{path}.type", shown, "must be object at the root")]
