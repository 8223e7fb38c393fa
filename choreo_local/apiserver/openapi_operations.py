"""Operations that only some kinds have, or that are ours; pure data."""

from __future__ import annotations

import re
from typing import NamedTuple


class Operation(NamedTuple):
    """An operation.

    Attributes:
        queries: names of query parameters; a `!` after it says that one must be given.
        answer: name of the schema of the answer; in brackets where it is a list of these.
        body: the same of the body; "" where there is none.
        headers: headers that it looks at.
        public: whether it needs no token.
        tag: the group in which it is shown.
        words: what it does.
    """

    method: str
    path: str
    operation: str
    words: str
    answer: str = ""
    queries: tuple[str, ...] = ()
    body: str = ""
    status: str = "200"
    headers: tuple[str, ...] = ()
    public: bool = False
    tag: str = ""

    @property
    def path_parameters(self) -> list[str]:
        """Those in braces."""
        return re.findall(r"{(\w+)}", self.path)


# The body or the answer is any object, or plain text.
ANY, PLAIN = "*", "text"
_OF_COMPONENT = "/api/v1/namespaces/{namespaceName}/components/{componentName}"
_OF_BINDING = "/api/v1/namespaces/{namespaceName}/releasebindings/{releaseBindingName}/k8sresources"
_OURS = "/choreo/v1/namespaces/{namespaceName}"
_OUR_COMPONENT = f"{_OURS}/components/{{componentName}}"
_ALPHA = "/api/v1alpha1/namespaces/{namespaceName}"
_SECRET, _GIT_SECRET = f"{_ALPHA}/secrets/{{secretName}}", f"{_ALPHA}/gitsecrets/{{gitSecretName}}"
_SCOPE = ("namespace", "project", "component", "resource")
_TRIGGER = f"{_ALPHA}/releasebindings/{{releaseBindingName}}/trigger"
_OF_RUN = "/api/v1/namespaces/{namespaceName}/workflowruns/{runName}"
_SIGNATURES = ("X-Hub-Signature-256", "X-Gitlab-Token", "X-Event-Key", "X-Hub-Signature")


def _public(path: str, operation: str, words: str, answer: str) -> Operation:
    return Operation("get", path, operation, words, answer, public=True, tag="Operations")


# Served where somebody can sign in.
SIGN_IN = (
    _public(
        "/.well-known/oauth-protected-resource",
        "getOAuthProtectedResourceMetadata",
        "Says where tokens for this API come from.",
        "OAuthProtectedResourceMetadata",
    ),
)
_PUBLIC = (
    _public("/health", "getHealth", "Says whether the process answers.", PLAIN),
    _public("/ready", "getReady", "Says whether requests can be served.", PLAIN),
    _public("/version", "getVersion", "Says which server this is.", "VersionResponse"),
    _public("/openapi.json", "getOpenAPISpec", "Describes the API.", ANY),
    Operation(
        "post",
        "/api/v1alpha1/autobuild",
        "handleAutoBuild",
        "Takes the event of a pushed commit from a Git provider and starts builds.",
        "WebhookEventResponse",
        body=ANY,
        headers=_SIGNATURES,
        public=True,
        tag="AutoBuild",
    ),
)
_AUTHORIZATION = (
    Operation("get", "/api/v1/authz/actions", "listActions", "Lists all actions.", "[ActionInfo]"),
    Operation(
        "post",
        "/api/v1/authz/evaluates",
        "evaluates",
        "Decides whether subjects may do something.",
        "[Decision]",
        body="[EvaluateRequest]",
    ),
    Operation(
        "get",
        "/api/v1/authz/profile",
        "getSubjectProfile",
        "Shows what the caller may do.",
        "UserCapabilitiesResponse",
        _SCOPE,
    ),
    Operation(
        "get",
        "/api/v1/authn/subject-types",
        "listSubjectTypes",
        "Lists the types of callers.",
        "[SubjectTypeConfig]",
    ),
    Operation(
        "get",
        "/choreo/v1/authz/explanation",
        "explainDecision",
        "Tells why something is allowed or not.",
        ANY,
        ("action!", *_SCOPE, "as"),
    ),
)
_RUNS = (
    Operation(
        "get",
        f"{_OF_RUN}/status",
        "getWorkflowRunStatus",
        "Shows how far a run is.",
        "WorkflowRunStatusResponse",
    ),
    Operation(
        "get",
        f"{_OF_RUN}/logs",
        "getWorkflowRunLogs",
        "Shows what the steps of a run wrote.",
        "[WorkflowRunLogEntry]",
        ("task", "sinceSeconds"),
    ),
    Operation(
        "get",
        f"{_OF_RUN}/events",
        "getWorkflowRunEvents",
        "Shows what happened to the pods of a run.",
        "[WorkflowRunEventEntry]",
        ("task",),
    ),
)
_SECRETS = (
    Operation(
        "get",
        f"{_ALPHA}/secrets",
        "listSecrets",
        "Lists secrets.",
        "ListSecretsResponse",
        ("limit", "cursor"),
    ),
    Operation(
        "post",
        f"{_ALPHA}/secrets",
        "createSecret",
        "Stores a secret on a plane.",
        "Secret",
        body="CreateSecretRequest",
        status="201",
    ),
    Operation("get", _SECRET, "getSecret", "Shows a secret.", "Secret"),
    Operation(
        "put",
        _SECRET,
        "updateSecret",
        "Replaces the content of a secret.",
        "Secret",
        body="UpdateSecretRequest",
    ),
    Operation("delete", _SECRET, "deleteSecret", "Removes a secret.", status="204"),
    Operation(
        "get",
        f"{_ALPHA}/gitsecrets",
        "listGitSecrets",
        "Lists credentials for Git repositories.",
        "GitSecretListResponse",
    ),
    Operation(
        "post",
        f"{_ALPHA}/gitsecrets",
        "createGitSecret",
        "Stores credentials for a Git repository.",
        "GitSecretResponse",
        body="CreateGitSecretRequest",
        status="201",
    ),
    Operation(
        "delete",
        _GIT_SECRET,
        "deleteGitSecret",
        "Removes credentials for a Git repository.",
        status="204",
    ),
)
_OBJECTS = (
    Operation(
        "get",
        f"{_OF_COMPONENT}/schema",
        "getComponentSchema",
        "Shows what bindings of a component may set for an environment.",
        "SchemaResponse",
    ),
    Operation(
        "post",
        f"{_OF_COMPONENT}/generate-release",
        "generateRelease",
        "Freezes a component as it is now.",
        "ComponentRelease",
        body="GenerateReleaseRequest",
        status="201",
    ),
    Operation(
        "get",
        f"{_OF_BINDING}/tree",
        "getReleaseBindingK8sResourceTree",
        "Shows the live objects of a binding.",
        "K8sResourceTreeResponse",
    ),
    Operation(
        "get",
        f"{_OF_BINDING}/events",
        "getReleaseBindingK8sResourceEvents",
        "Shows the events of a live object.",
        "ResourceEventsResponse",
        ("group", "version!", "kind!", "name!"),
    ),
    Operation(
        "get",
        f"{_OF_BINDING}/logs",
        "getReleaseBindingK8sResourceLogs",
        "Shows what a pod wrote.",
        "ResourcePodLogsResponse",
        ("podName!", "container", "sinceSeconds"),
    ),
    Operation(
        "post",
        _TRIGGER,
        "triggerReleaseBindingCronJob",
        "Starts the job of a scheduled component at once.",
        "CronJobTriggerResponse",
    ),
)
_WHERE = ("environment!",)
_OWN = (
    Operation("get", "/choreo/v1/status", "getStatus", "Shows the state of the instance.", ANY),
    Operation(
        "get",
        f"{_OURS}/board",
        "getBoard",
        "Shows components by environment; with `watch` one board a line, as they change.",
        ANY,
        ("project", "watch"),
    ),
    Operation(
        "get",
        f"{_OUR_COMPONENT}/promotion",
        "planPromotion",
        "Shows what a promotion would change.",
        ANY,
        ("to!", "from", "release"),
    ),
    Operation(
        "post",
        f"{_OUR_COMPONENT}/promotion",
        "promote",
        "Promotes a release.",
        ANY,
        body="Promotion",
    ),
    Operation(
        "get",
        f"{_OUR_COMPONENT}/rollback",
        "planRollback",
        "Shows what going back would change.",
        ANY,
        _WHERE,
    ),
    Operation(
        "post",
        f"{_OUR_COMPONENT}/rollback",
        "rollBack",
        "Goes back to the release before.",
        ANY,
        _WHERE,
        body="Rollback",
    ),
    Operation(
        "post",
        f"{_OUR_COMPONENT}/undeploy",
        "undeploy",
        "Takes a component away from an environment.",
        ANY,
        _WHERE,
    ),
    Operation("get", f"{_OUR_COMPONENT}/why", "explain", "Tells why it is not ready.", ANY, _WHERE),
    Operation(
        "get",
        f"{_OUR_COMPONENT}/url",
        "getUrls",
        "Tells where it answers.",
        ANY,
        (*_WHERE, "endpoint"),
    ),
    Operation(
        "get", f"{_OUR_COMPONENT}/details", "getDetails", "Shows all that is known.", ANY, _WHERE
    ),
    Operation(
        "get",
        f"{_OUR_COMPONENT}/logs",
        "getLogs",
        "Shows what its containers write, one line of JSON each.",
        ANY,
        (*_WHERE, "follow", "tail", "since", "previous"),
    ),
)


def _tagged(tag: str, operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
    return tuple(each._replace(tag=tag) for each in operations)


OPERATIONS = (
    *_PUBLIC,
    *_tagged("Authorization", _AUTHORIZATION),
    *_tagged("WorkflowRun", _RUNS),
    *_tagged("Secrets", _SECRETS),
    *_tagged("Component", _OBJECTS[:2]),
    *_tagged("ReleaseBinding", _OBJECTS[2:]),
    *_tagged("choreo", _OWN),
)
