"""Defaults of networking, storage, access, admission, flow control, devices and CRDs."""

from __future__ import annotations

from choreo_local import clock
from choreo_local.embedded.kubeapi.defaults.engine import Object, defaults

_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
_AGGREGATOR = "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1."
_RBAC = "rbac.authorization.k8s.io"


@defaults("networking.v1.NetworkPolicy")
def network_policy(obj: Object) -> None:
    """A policy is about what its rules are about."""
    spec: Object = obj["spec"]
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


@defaults("networking.v1.NetworkPolicyPort")
def network_policy_port(port: Object) -> None:
    """Ports are TCP."""
    port.setdefault("protocol", "TCP")


@defaults("networking.v1.IngressClass")
def ingress_class(obj: Object) -> None:
    """Parameters are cluster-wide."""
    parameters = (obj.get("spec") or {}).get("parameters")
    if parameters is not None and parameters.get("scope") is None:
        parameters["scope"] = "Cluster"


@defaults("discovery.v1.EndpointPort")
def endpoint_port(port: Object) -> None:
    """The nameless port, TCP."""
    port.setdefault("name", "")
    port.setdefault("protocol", "TCP")


@defaults("storage.v1.StorageClass")
def storage_class(obj: Object) -> None:
    """Volumes are made at once and go with their claims."""
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


@defaults("storage.v1.CSIDriver")
def csi_driver(obj: Object) -> None:
    """What most drivers do."""
    spec: Object = obj["spec"]
    spec.setdefault("attachRequired", True)
    spec.setdefault("podInfoOnMount", False)
    spec.setdefault("storageCapacity", False)
    spec.setdefault("fsGroupPolicy", "ReadWriteOnceWithFSType")
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]
    spec.setdefault("requiresRepublish", False)
    spec.setdefault("seLinuxMount", False)


@defaults("rbac.v1.RoleBinding", "rbac.v1.ClusterRoleBinding")
def role_binding(obj: Object) -> None:
    """Roles are of this API group."""
    if not obj["roleRef"].get("apiGroup"):
        obj["roleRef"]["apiGroup"] = _RBAC


@defaults("rbac.v1.Subject")
def subject(found: Object) -> None:
    """Users and groups are of this API group, service accounts of the core."""
    if not found.get("apiGroup") and found.get("kind") in ("User", "Group"):
        found["apiGroup"] = _RBAC


@defaults("scheduling.v1.PriorityClass")
def priority_class(obj: Object) -> None:
    """Pods may push out others."""
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


@defaults(
    "admissionregistration.v1.ValidatingWebhook",
    "admissionregistration.v1.MutatingWebhook",
)
def webhook(found: Object) -> None:
    """A webhook for all objects; its failure refuses."""
    found.setdefault("failurePolicy", "Fail")
    found.setdefault("matchPolicy", "Equivalent")
    found.setdefault("namespaceSelector", {})
    found.setdefault("objectSelector", {})
    found.setdefault("timeoutSeconds", 10)


@defaults("admissionregistration.v1.MutatingWebhook")
def mutating_webhook(found: Object) -> None:
    """Called once."""
    found.setdefault("reinvocationPolicy", "Never")


@defaults(
    "admissionregistration.v1.RuleWithOperations",
    "admissionregistration.v1.NamedRuleWithOperations",
)
def rule(found: Object) -> None:
    """Objects with and without a namespace."""
    found.setdefault("scope", "*")


@defaults(
    "admissionregistration.v1.ServiceReference",
    _EXTENSIONS + "ServiceReference",
    _AGGREGATOR + "ServiceReference",
)
def service_reference(found: Object) -> None:
    """HTTPS."""
    found.setdefault("port", 443)


@defaults(
    "admissionregistration.v1.ValidatingAdmissionPolicySpec",
    "admissionregistration.v1.MutatingAdmissionPolicySpec",
)
def admission_policy(spec: Object) -> None:
    """A policy that cannot be evaluated refuses."""
    spec.setdefault("failurePolicy", "Fail")


@defaults("admissionregistration.v1.MatchResources")
def match_resources(found: Object) -> None:
    """All objects."""
    found.setdefault("matchPolicy", "Equivalent")
    found.setdefault("namespaceSelector", {})
    found.setdefault("objectSelector", {})


@defaults("flowcontrol.v1.FlowSchemaSpec")
def flow_schema(spec: Object) -> None:
    """A middling rank."""
    if not spec.get("matchingPrecedence"):
        spec["matchingPrecedence"] = 1000


@defaults("flowcontrol.v1.ExemptPriorityLevelConfiguration")
def exempt_level(found: Object) -> None:
    """Nothing is set aside."""
    found.setdefault("nominalConcurrencyShares", 0)
    found.setdefault("lendablePercent", 0)


@defaults("flowcontrol.v1.LimitedPriorityLevelConfiguration")
def limited_level(found: Object) -> None:
    """A usual share, nothing lent."""
    if found.get("nominalConcurrencyShares") is None:
        found["nominalConcurrencyShares"] = 30
    found.setdefault("lendablePercent", 0)


@defaults("flowcontrol.v1.QueuingConfiguration")
def queuing(found: Object) -> None:
    """Queues of the usual number and length."""
    for name, value in (("handSize", 8), ("queues", 64), ("queueLengthLimit", 50)):
        if not found.get(name):
            found[name] = value


@defaults("authentication.v1.TokenRequestSpec")
def token_request(spec: Object) -> None:
    """Tokens live for an hour."""
    if spec.get("expirationSeconds") is None:
        spec["expirationSeconds"] = 3600


@defaults("resource.v1.ExactDeviceRequest", "resource.v1.DeviceSubRequest")
def device_request(found: Object) -> None:
    """One device."""
    if not found.get("allocationMode"):
        found["allocationMode"] = "ExactCount"
    if found["allocationMode"] == "ExactCount" and not found.get("count"):
        found["count"] = 1


@defaults("resource.v1.DeviceTaint")
def device_taint(found: Object) -> None:
    """From now on."""
    found.setdefault("timeAdded", clock.timestamp())


@defaults(_EXTENSIONS + "CustomResourceDefinition")
def custom_resource_definition(obj: Object) -> None:
    """Names that follow from the kind; objects are not converted."""
    spec: Object = obj["spec"]
    names: Object = spec["names"]
    kind = names.get("kind") or ""
    if not names.get("singular"):
        names["singular"] = kind.lower()
    if not names.get("listKind") and kind:
        names["listKind"] = f"{kind}List"
    if spec.get("conversion") is None:
        spec["conversion"] = {"strategy": "None"}
    status: Object = obj.setdefault("status", {})
    if not status.get("storedVersions"):
        stored = [one.get("name") for one in spec.get("versions") or () if one.get("storage")]
        status["storedVersions"] = stored[:1]
