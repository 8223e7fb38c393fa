"""Schemas that the tests of patches share: one builtin kind, one custom kind."""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery.schema import structural

_STRING = {"type": "string"}
_STRINGS = {"type": "object", "additionalProperties": _STRING}
_DEFINITIONS: dict[str, dict[str, Any]] = {
    "Meta": {
        "type": "object",
        "properties": {
            "name": _STRING,
            "namespace": _STRING,
            "uid": _STRING,
            "resourceVersion": _STRING,
            "labels": _STRINGS,
            "annotations": _STRINGS,
            "finalizers": {
                "type": "array",
                "items": _STRING,
                "x-kubernetes-list-type": "set",
                "x-kubernetes-patch-strategy": "merge",
            },
            "managedFields": {"type": "array", "items": {"$ref": "Entry"}},
        },
    },
    "Entry": {"type": "object", "properties": {"fieldsV1": {"type": "object"}}},
    "IntOrString": {"format": "int-or-string", "oneOf": [{"type": "integer"}, _STRING]},
    "Quantity": {"oneOf": [_STRING, {"type": "number"}]},
    "Port": {
        "type": "object",
        "required": ["containerPort"],
        "properties": {
            "containerPort": {"type": "integer", "format": "int32"},
            "protocol": {"type": "string", "default": "TCP"},
            "name": _STRING,
        },
    },
    "Env": {"type": "object", "properties": {"name": _STRING, "value": _STRING}},
    "Container": {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": _STRING,
            "image": _STRING,
            "args": {"type": "array", "items": _STRING},
            "env": {
                "type": "array",
                "items": {"$ref": "Env"},
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "x-kubernetes-patch-strategy": "merge",
                "x-kubernetes-patch-merge-key": "name",
            },
            "ports": {
                "type": "array",
                "items": {"$ref": "Port"},
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
                "x-kubernetes-patch-strategy": "merge",
                "x-kubernetes-patch-merge-key": "containerPort",
            },
            "limits": {"type": "object", "additionalProperties": {"$ref": "Quantity"}},
            "probe": {"type": "object", "properties": {"port": {"$ref": "IntOrString"}}},
        },
    },
    "Selector": {
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "properties": {"matchLabels": _STRINGS},
    },
    "Strategy": {
        "type": "object",
        "properties": {
            "type": _STRING,
            "rolling": {"type": "object", "properties": {"surge": {"$ref": "IntOrString"}}},
        },
    },
    "Volume": {
        "type": "object",
        "properties": {
            "name": _STRING,
            "emptyDir": {"type": "object", "properties": {"medium": _STRING}},
            "configMap": {"type": "object", "properties": {"name": _STRING}},
        },
    },
    "Spec": {
        "type": "object",
        "properties": {
            "replicas": {"type": "integer", "format": "int32"},
            "paused": {"type": "boolean"},
            "selector": {"$ref": "Selector"},
            "strategy": {"$ref": "Strategy", "x-kubernetes-patch-strategy": "retainKeys"},
            "settings": {"$ref": "Strategy", "x-kubernetes-patch-strategy": "replace"},
            "containers": {
                "type": "array",
                "items": {"$ref": "Container"},
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "x-kubernetes-patch-strategy": "merge",
                "x-kubernetes-patch-merge-key": "name",
            },
            "volumes": {
                "type": "array",
                "items": {"$ref": "Volume"},
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "x-kubernetes-patch-strategy": "merge,retainKeys",
                "x-kubernetes-patch-merge-key": "name",
            },
            "broken": {
                "type": "array",
                "items": {"$ref": "Env"},
                "x-kubernetes-patch-strategy": "merge",
            },
            "raw": {"type": "object"},
        },
    },
    "Deployment": {
        "type": "object",
        "properties": {
            "apiVersion": _STRING,
            "kind": _STRING,
            "metadata": {"$ref": "Meta"},
            "spec": {"$ref": "Spec"},
            "status": {"type": "object", "properties": {"ready": {"type": "integer"}}},
            "data": _STRINGS,
        },
    },
}

DEPLOYMENT = structural.from_openapi(_DEFINITIONS["Deployment"], _DEFINITIONS.__getitem__)

_ITEM = {
    "type": "object",
    "required": ["k"],
    "properties": {"k": _STRING, "v": _STRING, "w": _STRING},
}
_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
WIDGET = structural.from_crd(
    {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "a": _STRING,
                    "n": {"type": "integer", "default": 5},
                    "f": {"type": "number"},
                    "b": {"type": "boolean"},
                    "when": {"type": "string", "format": "date-time"},
                    "port": {"x-kubernetes-int-or-string": True},
                    "free": {"x-kubernetes-preserve-unknown-fields": True},
                    "m": _STRINGS,
                    "open": {"type": "object", "additionalProperties": True},
                    "deep": {
                        "type": "object",
                        "additionalProperties": {
                            "type": "object",
                            "properties": {"x": _STRING, "y": _STRING},
                        },
                    },
                    "am": {**_STRINGS, "x-kubernetes-map-type": "atomic"},
                    "al": {"type": "array", "items": _STRING},
                    "bare": {"type": "array"},
                    "set": {"type": "array", "x-kubernetes-list-type": "set", "items": _STRING},
                    "lm": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["k"],
                        "items": _ITEM,
                    },
                    "lm2": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["port", "protocol"],
                        "items": {
                            "type": "object",
                            "required": ["port"],
                            "properties": {
                                "port": {"type": "integer"},
                                "protocol": {"type": "string", "default": "TCP"},
                                "name": _STRING,
                            },
                        },
                    },
                    "any": _ANY,
                    "embedded": {**_ANY, "x-kubernetes-embedded-resource": True},
                },
            },
            "status": {"type": "object", "properties": {"phase": _STRING}},
        },
    }
)
