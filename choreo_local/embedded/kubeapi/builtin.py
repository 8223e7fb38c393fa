"""The builtin kinds: what discovery lists and what the verbs are driven by.

`kubeapi`'s registry starts from `resources()` and adds the kinds of CustomResourceDefinitions.
"""

from __future__ import annotations

from functools import cache

from choreo_local.apimachinery.gvk import GroupVersionKind, ResourceKind, split_api_version
from choreo_local.embedded.kubeapi import definitions
from choreo_local.embedded.kubeapi.resources import ServedResource, Subresource

_VERBS = {
    "c": "create",
    "d": "delete",
    "D": "deletecollection",
    "g": "get",
    "l": "list",
    "p": "patch",
    "u": "update",
    "w": "watch",
}

# apiVersion, kind, plural, N(amespaced) or C(luster), verbs, short names, categories, subresources.
# A subresource is name=verbs, or name:type=verbs where its bodies are not of the parent's kind.
_ROWS = """
v1 Binding bindings N c
v1 ComponentStatus componentstatuses C gl cs
v1 ConfigMap configmaps N * cm
v1 Endpoints endpoints N * ep
v1 Event events N * ev
v1 LimitRange limitranges N * limits
v1 Namespace namespaces C cdglpuw ns - finalize=u status=gpu
v1 Node nodes C * no - proxy:NodeProxyOptions=cdgpu status=gpu
v1 PersistentVolumeClaim persistentvolumeclaims N * pvc - status=gpu
v1 PersistentVolume persistentvolumes C * pv - status=gpu
v1 Pod pods N * po all attach:PodAttachOptions=cg binding:Binding=c ephemeralcontainers=gpu \
 eviction:policy/v1/Eviction=c exec:PodExecOptions=cg log=g portforward:PodPortForwardOptions=cg \
 proxy:PodProxyOptions=cdgpu resize=gpu status=gpu
v1 PodTemplate podtemplates N *
v1 ReplicationController replicationcontrollers N * rc all scale:autoscaling/v1/Scale=gpu status=gpu
v1 ResourceQuota resourcequotas N * quota - status=gpu
v1 Secret secrets N *
v1 ServiceAccount serviceaccounts N * sa - token:authentication.k8s.io/v1/TokenRequest=c
v1 Service services N * svc all proxy:ServiceProxyOptions=cdgpu status=gpu
apiregistration.k8s.io/v1 APIService apiservices C * - api-extensions status=gpu
apps/v1 ControllerRevision controllerrevisions N *
apps/v1 DaemonSet daemonsets N * ds all status=gpu
apps/v1 Deployment deployments N * deploy all scale:autoscaling/v1/Scale=gpu status=gpu
apps/v1 ReplicaSet replicasets N * rs all scale:autoscaling/v1/Scale=gpu status=gpu
apps/v1 StatefulSet statefulsets N * sts all scale:autoscaling/v1/Scale=gpu status=gpu
events.k8s.io/v1 Event events N * ev
authentication.k8s.io/v1 SelfSubjectReview selfsubjectreviews C c
authentication.k8s.io/v1 TokenReview tokenreviews C c
authorization.k8s.io/v1 LocalSubjectAccessReview localsubjectaccessreviews N c
authorization.k8s.io/v1 SelfSubjectAccessReview selfsubjectaccessreviews C c
authorization.k8s.io/v1 SelfSubjectRulesReview selfsubjectrulesreviews C c
authorization.k8s.io/v1 SubjectAccessReview subjectaccessreviews C c
autoscaling/v2 HorizontalPodAutoscaler horizontalpodautoscalers N * hpa all status=gpu
autoscaling/v1 HorizontalPodAutoscaler horizontalpodautoscalers N * hpa all status=gpu
batch/v1 CronJob cronjobs N * cj all status=gpu
batch/v1 Job jobs N * - all status=gpu
certificates.k8s.io/v1 CertificateSigningRequest certificatesigningrequests C * csr - approval=gpu \
 status=gpu
networking.k8s.io/v1 IngressClass ingressclasses C *
networking.k8s.io/v1 Ingress ingresses N * ing - status=gpu
networking.k8s.io/v1 IPAddress ipaddresses C * ip
networking.k8s.io/v1 NetworkPolicy networkpolicies N * netpol
networking.k8s.io/v1 ServiceCIDR servicecidrs C * - - status=gpu
policy/v1 PodDisruptionBudget poddisruptionbudgets N * pdb - status=gpu
rbac.authorization.k8s.io/v1 ClusterRoleBinding clusterrolebindings C *
rbac.authorization.k8s.io/v1 ClusterRole clusterroles C *
rbac.authorization.k8s.io/v1 RoleBinding rolebindings N *
rbac.authorization.k8s.io/v1 Role roles N *
storage.k8s.io/v1 CSIDriver csidrivers C *
storage.k8s.io/v1 CSINode csinodes C *
storage.k8s.io/v1 CSIStorageCapacity csistoragecapacities N *
storage.k8s.io/v1 StorageClass storageclasses C * sc
storage.k8s.io/v1 VolumeAttachment volumeattachments C * - - status=gpu
storage.k8s.io/v1 VolumeAttributesClass volumeattributesclasses C * vac
admissionregistration.k8s.io/v1 MutatingAdmissionPolicy mutatingadmissionpolicies C * - \
 api-extensions
admissionregistration.k8s.io/v1 MutatingAdmissionPolicyBinding mutatingadmissionpolicybindings C * \
 - api-extensions
admissionregistration.k8s.io/v1 MutatingWebhookConfiguration mutatingwebhookconfigurations C * - \
 api-extensions
admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy validatingadmissionpolicies C * - \
 api-extensions status=gpu
admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding validatingadmissionpolicybindings \
 C * - api-extensions
admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration validatingwebhookconfigurations C * \
 - api-extensions
apiextensions.k8s.io/v1 CustomResourceDefinition customresourcedefinitions C * crd,crds \
 api-extensions status=gpu
scheduling.k8s.io/v1 PriorityClass priorityclasses C * pc
coordination.k8s.io/v1 Lease leases N *
node.k8s.io/v1 RuntimeClass runtimeclasses C *
discovery.k8s.io/v1 EndpointSlice endpointslices N *
resource.k8s.io/v1 DeviceClass deviceclasses C *
resource.k8s.io/v1 ResourceClaim resourceclaims N * - - status=gpu
resource.k8s.io/v1 ResourceClaimTemplate resourceclaimtemplates N *
resource.k8s.io/v1 ResourceSlice resourceslices C *
flowcontrol.apiserver.k8s.io/v1 FlowSchema flowschemas C * - - status=gpu
flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration prioritylevelconfigurations C * - - \
 status=gpu
"""
_METRICS_ROWS = """
metrics.k8s.io/v1beta1 NodeMetrics nodes C gl
metrics.k8s.io/v1beta1 PodMetrics pods N gl
"""

# Field selectors beside metadata.name and metadata.namespace, by group and plural.
_SELECTABLE = {
    ("", "events"): (
        "involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid "
        "involvedObject.apiVersion involvedObject.resourceVersion involvedObject.fieldPath "
        "reason reportingComponent source type"
    ),
    ("", "namespaces"): "status.phase",
    ("", "nodes"): "spec.unschedulable",
    ("", "pods"): (
        "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName "
        "spec.hostNetwork status.phase status.podIP status.podIPs status.nominatedNodeName"
    ),
    ("", "replicationcontrollers"): "status.replicas",
    ("", "secrets"): "type",
    ("", "services"): "spec.clusterIP spec.type",
    ("batch", "jobs"): "status.successful",
    ("certificates.k8s.io", "certificatesigningrequests"): "spec.signerName",
    ("events.k8s.io", "events"): (
        "regarding.kind regarding.namespace regarding.name regarding.uid regarding.apiVersion "
        "regarding.resourceVersion regarding.fieldPath reason reportingController type"
    ),
    ("networking.k8s.io", "ipaddresses"): "spec.parentRef",
    ("resource.k8s.io", "resourceslices"): "spec.nodeName spec.driver",
}


@cache
def resources() -> tuple[ServedResource, ...]:
    """All builtin kinds, in the order in which discovery lists their groups."""
    return tuple(_resource(line.split()) for line in _ROWS.strip().splitlines())


@cache
def metrics() -> tuple[ServedResource, ...]:
    """The kinds of `metrics.k8s.io`, for a server that knows somebody who measures."""
    return tuple(_resource(line.split()) for line in _METRICS_ROWS.strip().splitlines())


def _resource(row: list[str]) -> ServedResource:
    api_version, kind, plural, scope, verbs, *rest = row
    short, categories, *subresources = [*rest, *["-"] * (2 - len(rest))]
    group, version = split_api_version(api_version)
    parent = GroupVersionKind(group, version, kind)
    found = {sub.name: sub for sub in (_subresource(text, parent) for text in subresources)}
    return ServedResource(
        kind=ResourceKind(group, version, kind, plural, namespaced=scope == "N"),
        singular=kind.lower(),
        list_kind=f"{kind}List",
        verbs=_verbs(verbs),
        short_names=_words(short),
        categories=_words(categories),
        subresources=found,
        schema=definitions.compiled(parent),
        status_subresource="status" in found,
        selectable_fields=tuple(_SELECTABLE.get((group, plural), "").split()),
    )


def _subresource(text: str, parent: GroupVersionKind) -> Subresource:
    head, _, verbs = text.partition("=")
    name, _, type_ = head.partition(":")
    return Subresource(name, _subresource_kind(type_, parent), _verbs(verbs))


def _subresource_kind(type_: str, parent: GroupVersionKind) -> GroupVersionKind:
    if not type_:
        return parent
    api_version, _, kind = type_.rpartition("/")
    if not api_version:
        return GroupVersionKind(parent.group, parent.version, kind)
    return GroupVersionKind(*split_api_version(api_version), kind)


def _verbs(letters: str) -> tuple[str, ...]:
    return tuple(_VERBS.values()) if letters == "*" else tuple(_VERBS[one] for one in letters)


def _words(text: str) -> tuple[str, ...]:
    return () if text == "-" else tuple(text.split(","))
