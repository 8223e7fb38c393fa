"""Schemas of what operations take and answer beside the objects of kinds; pure data.

Names and members are those of upstream, whose generated clients rely on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.api.rest import ErrorCode, TokenErrorCode
from choreo_local.api.values import TargetPlane
from choreo_local.services import storedsecrets

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
_FILLED: Schema = {"type": "string", "minLength": 1}
_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 253}
_WHOLE: Schema = {"type": "integer"}
_LONG: Schema = {"type": "integer", "format": "int64"}
_FLAG: Schema = {"type": "boolean"}
_TIME: Schema = {"type": "string", "format": "date-time"}
FREE: Schema = {"type": "object", "additionalProperties": True}


def reference(name: str) -> Schema:
    """A schema that has a name."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(item: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": item}


def record(required: Mapping[str, Schema] | None = None, /, **optional: Schema) -> Schema:
    """An object with members that it must have, and others."""
    found: Schema = {"type": "object", "properties": {**(required or {}), **optional}}
    if required:
        found["required"] = list(required)
    return found


def _one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def _map_of(value: Schema) -> Schema:
    return {"type": "object", "additionalProperties": value}


_PLANES = _one_of(*(str(plane) for plane in TargetPlane))
_ERRORS: Mapping[str, Schema] = {
    "ErrorResponse": record(
        {"error": TEXT, "code": _one_of(*ErrorCode)},
        details=list_of(record(field=TEXT, message=TEXT)),
    ),
    "TokenError": record({"error": _one_of(*TokenErrorCode), "message": TEXT}),
}
_COMMON: Mapping[str, Schema] = {
    "ObjectMeta": record(
        {"name": _NAME},
        namespace=TEXT,
        uid=TEXT,
        labels=_map_of(TEXT),
        annotations=_map_of(TEXT),
        creationTimestamp=_TIME,
        deletionTimestamp=_TIME,
        deletionGracePeriodSeconds=_LONG,
    ),
    "Pagination": record(nextCursor=TEXT, remainingCount=_LONG),
    "Namespace": record({"metadata": reference("ObjectMeta")}, status=reference("NamespaceStatus")),
    "NamespaceStatus": record(phase=_one_of("Active", "Terminating")),
    # What a type, a trait or a workflow takes, as a JSON schema.
    "SchemaResponse": FREE,
    "VersionResponse": record(
        dict.fromkeys(
            ("name", "version", "gitRevision", "buildTime", "goOS", "goArch", "goVersion"), TEXT
        )
    ),
}
_IDENTITY: Mapping[str, Schema] = {
    "OAuthProtectedResourceMetadata": record(
        {
            "resource_name": TEXT,
            "resource": TEXT,
            "authorization_servers": list_of(TEXT),
            "bearer_methods_supported": list_of(TEXT),
            "scopes_supported": list_of(TEXT),
        },
        openchoreo_clients=list_of(reference("OpenChoreoClient")),
        openchoreo_security_enabled=_FLAG,
    ),
    "OpenChoreoClient": record({"name": TEXT, "client_id": TEXT, "scopes": list_of(TEXT)}),
    "SubjectTypeConfig": record(
        {
            "type": TEXT,
            "displayName": TEXT,
            "priority": _WHOLE,
            "authMechanisms": list_of(reference("AuthMechanismConfig")),
        }
    ),
    "AuthMechanismConfig": record({"type": TEXT, "entitlement": reference("EntitlementConfig")}),
    "EntitlementConfig": record({"claim": TEXT, "displayName": TEXT}),
}
_AUTHORIZATION: Mapping[str, Schema] = {
    "SubjectContext": record(
        {
            "type": _one_of("user", "service_account"),
            "entitlement_claim": _FILLED,
            "entitlement_values": list_of(_FILLED),
        }
    ),
    "ResourceHierarchy": record(namespace=TEXT, project=TEXT, component=TEXT, resource=TEXT),
    "Resource": record({"type": _FILLED, "hierarchy": reference("ResourceHierarchy")}, id=TEXT),
    "AuthzContext": record(
        resource=record(environment=TEXT, componentType=TEXT, resourceType=TEXT, workflow=TEXT)
    ),
    "EvaluateRequest": record(
        {"resource": reference("Resource"), "action": _FILLED},
        subject_context=reference("SubjectContext"),
        context=reference("AuthzContext"),
    ),
    "Decision": record({"decision": _FLAG}, context=record(reason=TEXT)),
    "ActionInfo": record(
        {
            "name": TEXT,
            "lowestScope": _one_of("cluster", "namespace", "project", "component", "resource"),
        },
        conditions=list_of(reference("ConditionAttribute")),
    ),
    "ConditionAttribute": record({"key": TEXT, "description": TEXT}),
    "UserCapabilitiesResponse": record(
        user=reference("SubjectContext"),
        capabilities=_map_of(reference("ActionCapability")),
        evaluatedAt=_TIME,
    ),
    "ActionCapability": record(
        allowed=list_of(reference("CapabilityResource")),
        denied=list_of(reference("CapabilityResource")),
    ),
    "CapabilityResource": record(path=TEXT, constraints=reference("CapabilityConstraints")),
    "CapabilityConstraints": record(expressions=list_of(TEXT)),
}
_RESOURCES: Mapping[str, Schema] = {
    "GenerateReleaseRequest": record(releaseName=TEXT),
    "K8sResourceTreeResponse": record(
        {"renderedReleases": list_of(reference("ReleaseResourceTree"))}
    ),
    "ReleaseResourceTree": record(
        {"name": TEXT, "targetPlane": _PLANES, "nodes": list_of(reference("ResourceNode"))},
        renderedRelease=reference("RenderedRelease"),
    ),
    "ResourceNode": record(
        {"version": TEXT, "kind": TEXT, "name": TEXT, "uid": TEXT, "object": FREE},
        group=TEXT,
        namespace=TEXT,
        resourceVersion=TEXT,
        createdAt=_TIME,
        parentRefs=list_of(reference("ResourceRef")),
        health=reference("HealthInfo"),
    ),
    "ResourceRef": record(
        {"version": TEXT, "kind": TEXT, "name": TEXT, "uid": TEXT}, group=TEXT, namespace=TEXT
    ),
    "HealthInfo": record({"status": TEXT}, message=TEXT),
    "ResourceEventsResponse": record({"events": list_of(reference("ResourceEvent"))}),
    "ResourceEvent": record(
        {"type": TEXT, "reason": TEXT, "message": TEXT},
        count=_WHOLE,
        firstTimestamp=_TIME,
        lastTimestamp=_TIME,
        source=TEXT,
    ),
    "ResourcePodLogsResponse": record({"logEntries": list_of(reference("PodLogEntry"))}),
    "PodLogEntry": record({"timestamp": _TIME, "log": TEXT, "container": TEXT}),
    "CronJobTriggerResponse": record({"jobName": TEXT, "namespace": TEXT, "cronJobName": TEXT}),
}
_PHASES = ("Pending", "Running", "Succeeded", "Failed")
_RUNS: Mapping[str, Schema] = {
    "WorkflowRunStatusResponse": record(
        {
            "status": _one_of(*_PHASES, "Error"),
            "steps": list_of(reference("WorkflowStepStatus")),
            "hasLiveObservability": _FLAG,
        }
    ),
    "WorkflowStepStatus": record(
        {"name": TEXT, "phase": _one_of(*_PHASES, "Skipped", "Error")},
        startedAt=_TIME,
        finishedAt=_TIME,
    ),
    "WorkflowRunLogEntry": record({"log": TEXT}, timestamp=_TIME),
    "WorkflowRunEventEntry": record(
        {"timestamp": _TIME, "type": TEXT, "reason": TEXT, "message": TEXT}
    ),
    "WebhookEventResponse": record(
        {"success": _FLAG, "message": TEXT, "triggeredBuilds": _WHOLE},
        affectedComponents=list_of(TEXT),
    ),
}
_SECRETS: Mapping[str, Schema] = {
    "SecretType": _one_of(*storedsecrets.TYPES),
    "TargetPlaneRef": record(
        {
            "kind": _one_of(
                "WorkflowPlane", "ClusterWorkflowPlane", "DataPlane", "ClusterDataPlane"
            ),
            "name": TEXT,
        }
    ),
    "CreateSecretRequest": record(
        {
            "secretName": TEXT,
            "secretType": reference("SecretType"),
            "targetPlane": reference("TargetPlaneRef"),
            "data": _map_of(TEXT),
        },
        labels=_map_of(TEXT),
    ),
    "UpdateSecretRequest": record({"data": _map_of(TEXT)}, labels=_map_of(TEXT)),
    "Secret": record(
        {
            "apiVersion": TEXT,
            "kind": TEXT,
            "metadata": reference("ObjectMeta"),
            "type": reference("SecretType"),
        },
        data=_map_of({"type": "string", "format": "byte"}),
        immutable=_FLAG,
    ),
    "ListSecretsResponse": record(
        {"items": list_of(reference("Secret")), "pagination": reference("Pagination")}
    ),
    "CreateGitSecretRequest": record(
        {
            "secretName": TEXT,
            "secretType": _one_of("basic-auth", "ssh-auth"),
            "workflowPlaneKind": _one_of("WorkflowPlane", "ClusterWorkflowPlane"),
            "workflowPlaneName": TEXT,
        },
        username=TEXT,
        token=TEXT,
        sshKey=TEXT,
        sshKeyId=TEXT,
    ),
    "GitSecretResponse": record(
        name=TEXT, namespace=TEXT, workflowPlaneKind=TEXT, workflowPlaneName=TEXT
    ),
    "GitSecretListResponse": record(
        {"items": list_of(reference("GitSecretResponse"))},
        totalCount=_WHOLE,
        page=_WHOLE,
        pageSize=_WHOLE,
    ),
}
_MOVES: Mapping[str, Schema] = {
    # Given, `expectCurrent` must be the release that is there; null where there must be none.
    "Promotion": record(
        {"to": _FILLED}, release=TEXT, expectCurrent={"type": "string", "nullable": True}
    ),
    "Rollback": record(release=TEXT, expectCurrent={"type": "string", "nullable": True}),
}
SCHEMAS: Mapping[str, Schema] = {
    **_ERRORS,
    **_COMMON,
    **_IDENTITY,
    **_AUTHORIZATION,
    **_RESOURCES,
    **_RUNS,
    **_SECRETS,
    **_MOVES,
}
