"""What templates see, with types: the environments in which their expressions are checked.

The variables are those that `rendering` offers; the names of types appear in messages only. All of
JSON's numbers are doubles when a template is rendered, yet an integer of a schema is an int here,
as it is upstream.

Public: `component(…)`, `trait(…)`, `resource(…)`, `applied(…)`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from choreo_local.cel import types
from choreo_local.cel.types import INT, STRING, Type, list_of, map_of
from choreo_local.rendering import functions
from choreo_local.rendering.functions import Dialect

from .celchecks import TypedEnvironment

APPLIED = "applied"

_TEXTS = list_of(STRING)
_LABELS = map_of(STRING, STRING)


def _texts(*names: str) -> dict[str, Type]:
    return dict.fromkeys(names, STRING)


_SHARED_METADATA = {
    **_texts("name", "namespace", "projectName", "projectUID", "environmentName"),
    **_texts("environmentUID", "dataPlaneName", "dataPlaneUID"),
    "labels": _LABELS,
    "annotations": _LABELS,
}
_COMPONENT_METADATA = types.object_of(
    "MetadataContext",
    {
        **_SHARED_METADATA,
        **_texts("componentNamespace", "componentName", "componentUID"),
        "podSelectors": _LABELS,
    },
)
_RESOURCE_METADATA = types.object_of(
    "MetadataContext",
    {**_SHARED_METADATA, **_texts("resourceNamespace", "resourceName", "resourceUID")},
)

_LISTENER = types.object_of("GatewayListenerData", {**_texts("listenerName", "host"), "port": INT})
_GATEWAY_ENDPOINT = types.object_of(
    "GatewayEndpointData",
    {**_texts("name", "namespace"), **dict.fromkeys(("http", "https", "tls"), _LISTENER)},
)


def _gateway(traffic_name: str) -> Type:
    sides = dict.fromkeys(("external", "internal"), _GATEWAY_ENDPOINT)
    traffic = types.object_of(traffic_name, sides)
    return types.object_of("GatewayData", dict.fromkeys(("ingress", "egress"), traffic))


_GATEWAY = _gateway("GatewayTrafficData")
_RESOURCE_GATEWAY = _gateway("GatewayNetworkData")

_REMOTE = types.object_of("RemoteRefData", _texts("key", "property", "version"))
_ENV = types.object_of("EnvConfiguration", {**_texts("name", "value"), "remoteRef": _REMOTE})
_FILE = types.object_of(
    "FileConfiguration", {**_texts("name", "mountPath", "value"), "remoteRef": _REMOTE}
)
_CONFIGURATION_ITEMS = types.object_of(
    "ConfigurationItems", {"envs": list_of(_ENV), "files": list_of(_FILE)}
)

_KEY_REFERENCE = types.object_of("KeyRef", _texts("name", "key"))
_ENV_SOURCE = types.object_of(
    "EnvVarSourceEntry", dict.fromkeys(("secretKeyRef", "configMapKeyRef"), _KEY_REFERENCE)
)
_ENV_VARS = list_of(
    types.object_of("EnvVarEntry", {**_texts("name", "value"), "valueFrom": _ENV_SOURCE})
)
_MOUNTS = list_of(types.object_of("VolumeMountEntry", _texts("name", "mountPath", "subPath")))
_VOLUMES = list_of(
    types.object_of(
        "VolumeEntry",
        {
            "name": STRING,
            "configMap": types.object_of("ConfigMapVolume", _texts("name")),
            "secret": types.object_of("SecretVolume", _texts("secretName")),
        },
    )
)

_ENDPOINT = types.object_of(
    "EndpointData",
    {
        **_texts("displayName", "type", "basePath"),
        "port": INT,
        "targetPort": INT,
        "visibility": _TEXTS,
    },
)
_CONTAINER = types.object_of("ContainerData", {"image": STRING, "command": _TEXTS, "args": _TEXTS})
_WORKLOAD = types.object_of(
    "WorkloadData", {"container": _CONTAINER, "endpoints": map_of(STRING, _ENDPOINT)}
)

_CONNECTION = types.object_of(
    "ConnectionItem",
    {
        **_texts("namespace", "project", "component", "endpoint", "visibility"),
        "envVars": _ENV_VARS,
    },
)
_MERGED = {"envVars": _ENV_VARS, "volumeMounts": _MOUNTS, "volumes": _VOLUMES}
_RESOURCE_DEPENDENCY = types.object_of("ResourceDependencyItem", {"ref": STRING, **_MERGED})
_DEPENDENCIES = types.object_of(
    "ConnectionsContextData",
    {"items": list_of(_CONNECTION), "resources": list_of(_RESOURCE_DEPENDENCY), **_MERGED},
)

_NAME_REFERENCE = types.object_of("NameRef", _texts("name"))
_ENV_FROM = types.object_of(
    "EnvFromEntry", dict.fromkeys(("configMapRef", "secretRef"), _NAME_REFERENCE)
)
_ENV_GROUPS = list_of(
    types.object_of("EnvsByContainerEntry", {"resourceName": STRING, "envs": list_of(_ENV)})
)
_SERVICE_PORT = types.object_of(
    "ServicePortEntry", {**_texts("name", "protocol"), "port": INT, "targetPort": INT}
)
_ENDPOINT_RESOURCE = types.object_of(
    "EndpointResource", _texts("kind", "method", "path", "service")
)
_CONFIG_FILE = types.object_of(
    "ConfigFileListEntry",
    {**_texts("name", "mountPath", "value", "resourceName"), "remoteRef": _REMOTE},
)
_SECRET_FILE = types.object_of(
    "SecretFileListEntry", {**_texts("name", "mountPath", "resourceName"), "remoteRef": _REMOTE}
)
_DERIVED = types.object_of(
    "DerivedContext",
    {
        "configFileList": list_of(_CONFIG_FILE),
        "secretFileList": list_of(_SECRET_FILE),
        "containerEnvFrom": list_of(_ENV_FROM),
        "configVolumeMounts": _MOUNTS,
        "configVolumes": _VOLUMES,
        "configEnvs": _ENV_GROUPS,
        "secretEnvs": _ENV_GROUPS,
        "servicePorts": list_of(_SERVICE_PORT),
        "dependencyEnvVars": _ENV_VARS,
        "dependencyVolumeMounts": _MOUNTS,
        "dependencyVolumes": _VOLUMES,
        "endpointResources": map_of(STRING, list_of(_ENDPOINT_RESOURCE)),
    },
)

_COMPONENT: Mapping[str, Type] = {
    "metadata": _COMPONENT_METADATA,
    "dataplane": types.object_of(
        "DataPlaneData",
        {
            "secretStore": STRING,
            "gateway": _GATEWAY,
            "observabilityPlaneRef": types.object_of(
                "ObservabilityPlaneRefData", _texts("kind", "name")
            ),
            "annotations": _LABELS,
        },
    ),
    "environment": types.object_of(
        "EnvironmentData", {"gateway": _GATEWAY, "defaultNotificationChannel": STRING}
    ),
    "gateway": _GATEWAY,
    "workload": _WORKLOAD,
    "configurations": types.object_of(
        "ContainerConfigurations", dict.fromkeys(("configs", "secrets"), _CONFIGURATION_ITEMS)
    ),
    "dependencies": _DEPENDENCIES,
    functions.DERIVED: _DERIVED,
}
_TRAIT: Mapping[str, Type] = {
    **_COMPONENT,
    "trait": types.object_of("TraitMetadata", _texts("name", "instanceName")),
}
_RESOURCE: Mapping[str, Type] = {
    "metadata": _RESOURCE_METADATA,
    "dataplane": types.object_of(
        "DataPlaneContext",
        {
            "secretStore": STRING,
            "gateway": _RESOURCE_GATEWAY,
            "observabilityPlaneRef": types.object_of(
                "ObservabilityPlaneRefContext", _texts("kind", "name")
            ),
        },
    ),
    "environment": types.object_of("EnvironmentContext", {"gateway": _RESOURCE_GATEWAY}),
    "gateway": _RESOURCE_GATEWAY,
}
_APPLIED_ENTRY = types.object_of("AppliedEntry", {"status": types.DYN})


@functools.lru_cache(maxsize=64)
def component(parameters: Type, configs: Type) -> TypedEnvironment:
    """For a component type with parameters and environment configs of these types."""
    return _environment(_COMPONENT, parameters, configs, dialect=Dialect.COMPONENT)


@functools.lru_cache(maxsize=64)
def trait(parameters: Type, configs: Type) -> TypedEnvironment:
    """For a trait."""
    return _environment(_TRAIT, parameters, configs, dialect=Dialect.COMPONENT)


@functools.lru_cache(maxsize=64)
def resource(parameters: Type, configs: Type) -> TypedEnvironment:
    """For the templates of a resource type."""
    return _environment(_RESOURCE, parameters, configs, dialect=Dialect.BASE)


@functools.lru_cache(maxsize=64)
def applied(parameters: Type, configs: Type) -> TypedEnvironment:
    """For what a resource type says of objects that were applied."""
    variables = {**_RESOURCE, APPLIED: map_of(STRING, _APPLIED_ENTRY)}
    return _environment(variables, parameters, configs, dialect=Dialect.BASE)


def _environment(
    variables: Mapping[str, Type], parameters: Type, configs: Type, *, dialect: Dialect
) -> TypedEnvironment:
    own = {"parameters": parameters, "environmentConfigs": configs}
    libraries = functions.LIBRARIES[dialect]
    watched = APPLIED if APPLIED in variables else ""
    return TypedEnvironment({**variables, **own}, libraries, watched=watched)
