"""The parts of an export's README.md that are the same for all: texts, charts, versions."""

from __future__ import annotations

from choreo_local.export.index import OPENCHOREO

INTRODUCTION = """\
# OpenChoreo on clusters of its own

What is here brings the planes of one instance up on separate clusters, with upstream's charts and
images of version {version}. You need `kubectl`, `helm` 3.12 or newer, `openssl`, and clusters of
Kubernetes 1.34 or newer.

`choreo export verify .` says whether the files are whole and fit together; `export.yaml` lists
them. `choreo up --from .` starts them on one machine again. Every command can be repeated, but for
`create`, which says that something exists.
"""

BUILDS = """\
Builds need a registry that the data planes can pull from, and upstream's workflow templates on this
cluster, with the names of that registry and of the API: `checkout-source`, `workflow-templates`,
`publish-image`, `generate-workload`, in this order."""

TELEMETRY = """\
Before the chart: `observer-secret` with the key `UID_RESOLVER_OAUTH_CLIENT_SECRET` (the secret of
the client `openchoreo-observer-resource-reader-client` at the identity provider), and
`opensearch-admin-credentials` with `username` and `password`. After it: the modules for logs,
metrics and traces that you want, here first, then what sends to them on the other planes."""

CHECKS = """\
## {number}. Check

```sh
kubectl --context {control} get clusterdataplanes,clusterworkflowplanes,clusterobservabilityplanes \
-o 'custom-columns=PLANE:.metadata.name,AGENT:.status.agentConnection.connected'
kubectl --context {control} wait releasebindings --all -A --for=condition=Ready --timeout=600s
kubectl --context {control} get releasebindings -A
```

An agent counts as connected up to five minutes after its plane was joined; its own log then says
`connected to control plane`. `401` there means that the authority is not the one that was
registered. A component answers below `{apps}`; `status.endpoints` of its binding has the URL.
"""

REGISTER_SCRIPT = """\
#!/bin/sh
# Joins a plane to the control plane: reads the authority of its agents on its own cluster, puts it
# into the registration, applies that on the control plane.
#   CONTROL_PLANE=CONTEXT sh register.sh PLANE_CONTEXT PLANE_NAMESPACE REGISTRATION...
set -eu
: "${CONTROL_PLANE:?is the kubectl context of the control plane}"
plane=$1 namespace=$2
shift 2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
kubectl --context "$plane" -n "$namespace" get secret cluster-agent-tls \\
    -o 'jsonpath={.data.ca\\.crt}' | base64 -d > "$folder/ca.crt"
test -s "$folder/ca.crt" || { echo "the agent of $plane has no certificate yet" >&2; exit 1; }
{
    printf 'spec:\\n  clusterAgent:\\n    clientCA:\\n      value: |\\n'
    sed 's/^/        /' "$folder/ca.crt"
} > "$folder/patch.yaml"
for registration in "$@"; do
    kubectl patch --local -f "$registration" --type merge --patch-file "$folder/patch.yaml" \\
        -o yaml > "$folder/registration.yaml"
    kubectl --context "$CONTROL_PLANE" apply --server-side -f "$folder/registration.yaml"
done
"""

_GATEWAY_API = (
    "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.5.1/standard-install.yaml"
)
_TEMPORARY = (
    '[{"op":"add","path":"/spec/template/spec/volumes/-","value":{"name":"tmp","emptyDir":{}}},'
    '{"op":"add","path":"/spec/template/spec/containers/0/volumeMounts/-",'
    '"value":{"name":"tmp","mountPath":"/tmp"}}]'
)


def prerequisites(context: str, namespace: str, *, gateway: bool, secrets: bool) -> list[str]:
    """What must be on a cluster before the chart of its plane."""
    lines = []
    if gateway:
        lines.append(f"kubectl --context {context} apply --server-side -f {_GATEWAY_API}")
    lines.append(
        _installed(
            context,
            "cert-manager",
            "oci://quay.io/jetstack/charts/cert-manager",
            "v1.19.4",
            "cert-manager",
            more=" --set crds.enabled=true",
        )
    )
    if secrets:
        lines.append(
            _installed(
                context,
                "external-secrets",
                "oci://ghcr.io/external-secrets/charts/external-secrets",
                "2.0.1",
                "external-secrets",
                more=" --set installCRDs=true",
            )
        )
    if gateway:
        charts = "oci://cr.kgateway.dev/kgateway-dev/charts"
        lines += [
            _installed(context, name, f"{charts}/{name}", "v2.3.1", namespace)
            for name in ("kgateway-crds", "kgateway")
        ]
    return lines


def chart(context: str, name: str, namespace: str, values: str) -> str:
    """The command that installs a plane."""
    address = f"oci://ghcr.io/openchoreo/helm-charts/{name}"
    return _installed(context, name, address, OPENCHOREO, namespace, more=f" --values {values}")


def temporary_folder(context: str, namespace: str) -> str:
    """The command that gives the gateway's proxy a folder it can write to."""
    return (
        f"kubectl --context {context} -n {namespace} patch deployment gateway-default "
        f"--type json -p '{_TEMPORARY}'"
    )


def _installed(
    context: str, release: str, address: str, version: str, namespace: str, *, more: str = ""
) -> str:
    return (
        f"helm --kube-context {context} upgrade --install {release} {address} "
        f"--version {version} --namespace {namespace} --create-namespace{more}"
    )
