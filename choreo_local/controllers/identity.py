"""What makes an object the same object, and what makes a manifest the same manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from choreo_local.apimachinery import gvk

ObjectKey = tuple[str, str, str, str]  # group, kind, namespace, name


def key(obj: Mapping[str, Any]) -> ObjectKey:
    """What stays the same while an object lives."""
    group, _ = gvk.split_api_version(obj["apiVersion"])
    metadata = obj["metadata"]
    return group, obj["kind"], metadata.get("namespace") or "", metadata["name"]


def digest(manifest: Mapping[str, Any]) -> bytes:
    """Changes when the manifest does."""
    text = orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hashlib.blake2b(text, digest_size=16).digest()
