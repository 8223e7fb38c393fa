"""How kinds differ when they are written and deleted: facts as tables. Pure."""

from __future__ import annotations

from choreo_local.embedded.kubeapi.registry import Collection

_ADMISSION = "admissionregistration.k8s.io"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Builtin resources whose objects have a generation that counts changes of their content.
_GENERATION = _names(
    f"""
    customresourcedefinitions.apiextensions.k8s.io daemonsets.apps deployments.apps
    replicasets.apps statefulsets.apps cronjobs.batch jobs.batch
    endpointslices.discovery.k8s.io flowschemas.flowcontrol.apiserver.k8s.io
    ingressclasses.networking.k8s.io ingresses.networking.k8s.io
    networkpolicies.networking.k8s.io poddisruptionbudgets.policy pods podtemplates
    priorityclasses.scheduling.k8s.io replicationcontrollers
    prioritylevelconfigurations.flowcontrol.apiserver.k8s.io resourceslices.resource.k8s.io
    deviceclasses.resource.k8s.io
    mutatingadmissionpolicies.{_ADMISSION} mutatingadmissionpolicybindings.{_ADMISSION}
    mutatingwebhookconfigurations.{_ADMISSION} validatingadmissionpolicies.{_ADMISSION}
    validatingadmissionpolicybindings.{_ADMISSION} validatingwebhookconfigurations.{_ADMISSION}
    """
)
# The rollout controller reads annotations, so they count too.
_ANNOTATIONS_COUNT = _names("deployments.apps")
# A status update of these leaves the labels alone.
_STATUS_KEEPS_LABELS = _names("deployments.apps")
_CREATED_BY_PUT = _names(
    """
    endpoints events events.events.k8s.io leases.coordination.k8s.io limitranges services
    runtimeclasses.node.k8s.io roles.rbac.authorization.k8s.io
    rolebindings.rbac.authorization.k8s.io clusterroles.rbac.authorization.k8s.io
    clusterrolebindings.rbac.authorization.k8s.io
    """
)
_REVISION_NEEDED = _names(
    f"""
    runtimeclasses.node.k8s.io poddisruptionbudgets.policy csidrivers.storage.k8s.io
    csistoragecapacities.storage.k8s.io volumeattachments.storage.k8s.io csinodes.storage.k8s.io
    leases.coordination.k8s.io
    mutatingadmissionpolicies.{_ADMISSION} mutatingadmissionpolicybindings.{_ADMISSION}
    mutatingwebhookconfigurations.{_ADMISSION} validatingadmissionpolicies.{_ADMISSION}
    validatingadmissionpolicybindings.{_ADMISSION} validatingwebhookconfigurations.{_ADMISSION}
    """
)
# A delete of these answers with the object, of all others with a Status.
_DELETE_ANSWERS_OBJECT = _names(
    """
    persistentvolumeclaims persistentvolumes pods podtemplates resourcequotas serviceaccounts
    services csidrivers.storage.k8s.io csinodes.storage.k8s.io storageclasses.storage.k8s.io
    volumeattachments.storage.k8s.io volumeattributesclasses.storage.k8s.io
    resourceclaims.resource.k8s.io resourceclaimtemplates.resource.k8s.io
    resourceslices.resource.k8s.io deviceclasses.resource.k8s.io
    """
)


# Deleting these without a word about dependants leaves the dependants alone.
_ORPHANS_BY_DEFAULT = _names("jobs.batch replicationcontrollers")


def orphans_by_default(collection: Collection) -> bool:
    """Whether dependants stay when a delete does not say what becomes of them."""
    return collection.kind.group_resource in _ORPHANS_BY_DEFAULT


def counts_generation(collection: Collection) -> bool:
    """Whether objects of a resource have a generation."""
    return collection.served.custom or collection.kind.group_resource in _GENERATION


def counts_annotations(collection: Collection) -> bool:
    """Whether a change of annotations is a new generation."""
    return collection.kind.group_resource in _ANNOTATIONS_COUNT


def status_keeps_labels(collection: Collection) -> bool:
    """Whether a status update leaves the labels of a builtin object alone."""
    return collection.kind.group_resource in _STATUS_KEEPS_LABELS


def is_created_by_put(collection: Collection) -> bool:
    """Whether a PUT of a missing object creates it."""
    return collection.kind.group_resource in _CREATED_BY_PUT


def needs_revision(collection: Collection) -> bool:
    """Whether an update must say which revision it replaces."""
    return collection.served.custom or collection.kind.group_resource in _REVISION_NEEDED


def group_in_refusals(collection: Collection) -> str:
    """The group that a refusal of an invalid object names: Events are those of the core group."""
    kind = collection.kind
    return "" if kind.group_resource == "events.events.k8s.io" else kind.group


def is_delete_answered_with_object(collection: Collection) -> bool:
    """Whether a delete answers with the object rather than a Status."""
    return collection.kind.group_resource in _DELETE_ANSWERS_OBJECT
