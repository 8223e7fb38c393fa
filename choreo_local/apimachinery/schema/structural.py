"""Structural schemas: the one compiled form of a type's shape.

The kube API reads them from CustomResourceDefinitions (`from_crd`, after `check`) and from the
OpenAPI definitions of builtin kinds (`from_openapi`). Defaulting, pruning, validation, server-side
apply, strategic merge and CEL typing all walk the nodes that these return.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery.schema.checking import check as check
from choreo_local.apimachinery.schema.node import MISSING as MISSING
from choreo_local.apimachinery.schema.node import Resolver, build
from choreo_local.apimachinery.schema.node import Structural as Structural


def from_crd(openapi_v3_schema: Mapping[str, Any]) -> Structural:
    """Compile the `openAPIV3Schema` of a CRD version; `check` tells whether it is structural."""
    return Structural(openapi_v3_schema)


def from_openapi(definition: Mapping[str, Any], resolve: Resolver) -> Structural:
    """Compile an OpenAPI definition (v2 or v3) of a builtin kind.

    Args:
        definition: the schema of the kind.
        resolve: gives the definition that a `$ref` text names; types may be recursive.
    """
    return build(definition, resolve, {})
