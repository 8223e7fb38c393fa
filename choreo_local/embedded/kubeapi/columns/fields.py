"""Which field of a kind a column tells of, so that it is described as the field is.

Columns that tell of no single field have descriptions of our own, beside their printers.
"""

from __future__ import annotations

from collections.abc import Mapping

from choreo_local.embedded.kubeapi import definitions, descriptions

_API = "io.k8s.api."
_OF_ALL: Mapping[str, str] = {
    "Name": f"{definitions.META}ObjectMeta.name",
    "Age": f"{definitions.META}ObjectMeta.creationTimestamp",
    "Created At": f"{definitions.META}ObjectMeta.creationTimestamp",
}
OF_KIND: Mapping[str, Mapping[str, str]] = {
    "Scale": {
        "Desired": "autoscaling.v1.ScaleSpec.replicas",
        "Available": "autoscaling.v1.ScaleStatus.replicas",
    },
    "CertificateSigningRequest": {
        "RequestedDuration": "certificates.v1.CertificateSigningRequestSpec.expirationSeconds",
    },
    "Lease": {
        "Holder": "coordination.v1.LeaseSpec.holderIdentity",
    },
    "PriorityClass": {
        "Value": "scheduling.v1.PriorityClass.value",
        "Global-Default": "scheduling.v1.PriorityClass.globalDefault",
        "PreemptionPolicy": "scheduling.v1.PriorityClass.preemptionPolicy",
    },
    "FlowSchema": {
        "PriorityLevel": "flowcontrol.v1.PriorityLevelConfigurationReference.name",
        "MatchingPrecedence": "flowcontrol.v1.FlowSchemaSpec.matchingPrecedence",
        "DistinguisherMethod": "flowcontrol.v1.FlowSchemaSpec.distinguisherMethod",
    },
    "PriorityLevelConfiguration": {
        "Type": "flowcontrol.v1.PriorityLevelConfigurationSpec.type",
        "NominalConcurrencyShares": (
            "flowcontrol.v1.LimitedPriorityLevelConfiguration.nominalConcurrencyShares"
        ),
        "Queues": "flowcontrol.v1.QueuingConfiguration.queues",
        "HandSize": "flowcontrol.v1.QueuingConfiguration.handSize",
        "QueueLengthLimit": "flowcontrol.v1.QueuingConfiguration.queueLengthLimit",
    },
    "ResourceSlice": {
        "Node": "resource.v1.ResourceSliceSpec.nodeName",
        "Driver": "resource.v1.ResourceSliceSpec.driver",
        "Pool": "resource.v1.ResourcePool.name",
    },
    "ConfigMap": {
        "Data": "core.v1.ConfigMap.data",
    },
    "Secret": {
        "Type": "core.v1.Secret.type",
        "Data": "core.v1.Secret.data",
    },
    "Node": {
        "Version": "core.v1.NodeSystemInfo.kubeletVersion",
        "Internal-IP": "core.v1.NodeStatus.addresses",
        "External-IP": "core.v1.NodeStatus.addresses",
        "OS-Image": "core.v1.NodeSystemInfo.osImage",
        "Kernel-Version": "core.v1.NodeSystemInfo.kernelVersion",
        "Container-Runtime": "core.v1.NodeSystemInfo.containerRuntimeVersion",
    },
    "Event": {
        "Last Seen": "core.v1.Event.lastTimestamp",
        "Type": "core.v1.Event.type",
        "Reason": "core.v1.Event.reason",
        "Object": "core.v1.Event.involvedObject",
        "Subobject": "core.v1.ObjectReference.fieldPath",
        "Source": "core.v1.Event.source",
        "Message": "core.v1.Event.message",
        "First Seen": "core.v1.Event.firstTimestamp",
        "Count": "core.v1.Event.count",
    },
    "Service": {
        "Type": "core.v1.ServiceSpec.type",
        "Cluster-IP": "core.v1.ServiceSpec.clusterIP",
        "External-IP": "core.v1.ServiceSpec.externalIPs",
        "Port(s)": "core.v1.ServiceSpec.ports",
        "Selector": "core.v1.ServiceSpec.selector",
    },
    "Endpoints": {
        "Endpoints": "core.v1.Endpoints.subsets",
    },
    "EndpointSlice": {
        "AddressType": "discovery.v1.EndpointSlice.addressType",
        "Ports": "discovery.v1.EndpointSlice.ports",
        "Endpoints": "discovery.v1.EndpointSlice.endpoints",
    },
    "NetworkPolicy": {
        "Pod-Selector": "networking.v1.NetworkPolicySpec.podSelector",
    },
    "ServiceCIDR": {
        "CIDRs": "networking.v1.ServiceCIDRSpec.cidrs",
    },
    "IPAddress": {
        "ParentRef": "networking.v1.IPAddressSpec.parentRef",
    },
    "Pod": {
        "IP": "core.v1.PodStatus.podIP",
        "Node": "core.v1.PodSpec.nodeName",
        "Nominated Node": "core.v1.PodStatus.nominatedNodeName",
        "Readiness Gates": "core.v1.PodSpec.readinessGates",
    },
    "PersistentVolumeClaim": {
        "Status": "core.v1.PersistentVolumeClaimStatus.phase",
        "Volume": "core.v1.PersistentVolumeClaimSpec.volumeName",
        "Capacity": "core.v1.PersistentVolumeClaimStatus.capacity",
        "Access Modes": "core.v1.PersistentVolumeClaimStatus.accessModes",
        "VolumeMode": "core.v1.PersistentVolumeClaimSpec.volumeMode",
    },
    "PersistentVolume": {
        "Capacity": "core.v1.PersistentVolumeSpec.capacity",
        "Access Modes": "core.v1.PersistentVolumeSpec.accessModes",
        "Reclaim Policy": "core.v1.PersistentVolumeSpec.persistentVolumeReclaimPolicy",
        "Status": "core.v1.PersistentVolumeStatus.phase",
        "Claim": "core.v1.PersistentVolumeSpec.claimRef",
        "Reason": "core.v1.PersistentVolumeStatus.reason",
        "VolumeMode": "core.v1.PersistentVolumeSpec.volumeMode",
    },
    "StorageClass": {
        "Provisioner": "storage.v1.StorageClass.provisioner",
        "ReclaimPolicy": "storage.v1.StorageClass.reclaimPolicy",
        "VolumeBindingMode": "storage.v1.StorageClass.volumeBindingMode",
        "AllowVolumeExpansion": "storage.v1.StorageClass.allowVolumeExpansion",
    },
    "VolumeAttributesClass": {
        "DriverName": "storage.v1.VolumeAttributesClass.driverName",
    },
    "CSINode": {
        "Drivers": "storage.v1.CSINodeSpec.drivers",
    },
    "CSIDriver": {
        "AttachRequired": "storage.v1.CSIDriverSpec.attachRequired",
        "PodInfoOnMount": "storage.v1.CSIDriverSpec.podInfoOnMount",
        "StorageCapacity": "storage.v1.CSIDriverSpec.storageCapacity",
        "TokenRequests": "storage.v1.CSIDriverSpec.tokenRequests",
        "RequiresRepublish": "storage.v1.CSIDriverSpec.requiresRepublish",
        "Modes": "storage.v1.CSIDriverSpec.volumeLifecycleModes",
    },
    "VolumeAttachment": {
        "Attacher": "storage.v1.VolumeAttachmentSpec.attacher",
        "PV": "storage.v1.VolumeAttachmentSource.persistentVolumeName",
        "Node": "storage.v1.VolumeAttachmentSpec.nodeName",
        "Attached": "storage.v1.VolumeAttachmentStatus.attached",
    },
    "Deployment": {
        "Up-to-date": "apps.v1.DeploymentStatus.updatedReplicas",
        "Available": "apps.v1.DeploymentStatus.availableReplicas",
        "Selector": "apps.v1.DeploymentSpec.selector",
    },
    "ReplicaSet": {
        "Desired": "apps.v1.ReplicaSetSpec.replicas",
        "Current": "apps.v1.ReplicaSetStatus.replicas",
        "Ready": "apps.v1.ReplicaSetStatus.readyReplicas",
        "Selector": "apps.v1.ReplicaSetSpec.selector",
    },
    "ReplicationController": {
        "Desired": "core.v1.ReplicationControllerSpec.replicas",
        "Current": "core.v1.ReplicationControllerStatus.replicas",
        "Ready": "core.v1.ReplicationControllerStatus.readyReplicas",
        "Selector": "core.v1.ReplicationControllerSpec.selector",
    },
    "DaemonSet": {
        "Desired": "apps.v1.DaemonSetStatus.desiredNumberScheduled",
        "Current": "apps.v1.DaemonSetStatus.currentNumberScheduled",
        "Ready": "apps.v1.DaemonSetStatus.numberReady",
        "Up-to-date": "apps.v1.DaemonSetStatus.updatedNumberScheduled",
        "Available": "apps.v1.DaemonSetStatus.numberAvailable",
        "Node Selector": "core.v1.PodSpec.nodeSelector",
        "Selector": "apps.v1.DaemonSetSpec.selector",
    },
    "ControllerRevision": {
        "Revision": "apps.v1.ControllerRevision.revision",
    },
    "Job": {
        "Completions": "batch.v1.JobStatus.succeeded",
        "Selector": "batch.v1.JobSpec.selector",
    },
    "CronJob": {
        "Schedule": "batch.v1.CronJobSpec.schedule",
        "Timezone": "batch.v1.CronJobSpec.timeZone",
        "Suspend": "batch.v1.CronJobSpec.suspend",
        "Active": "batch.v1.CronJobStatus.active",
        "Last Schedule": "batch.v1.CronJobStatus.lastScheduleTime",
        "Selector": "batch.v1.JobSpec.selector",
    },
    "HorizontalPodAutoscaler": {
        "Reference": "autoscaling.v2.HorizontalPodAutoscalerSpec.scaleTargetRef",
        "Targets": "autoscaling.v2.HorizontalPodAutoscalerSpec.metrics",
        "MinPods": "autoscaling.v2.HorizontalPodAutoscalerSpec.minReplicas",
        "MaxPods": "autoscaling.v2.HorizontalPodAutoscalerSpec.maxReplicas",
        "Replicas": "autoscaling.v2.HorizontalPodAutoscalerStatus.currentReplicas",
    },
}


def describe(kind: str, column: str) -> str:
    """What the field behind a column means; empty when no single field is behind it."""
    path = OF_KIND.get(kind, {}).get(column)
    path = f"{_API}{path}" if path else _OF_ALL.get(column, "")
    definition, _, field = path.rpartition(".")
    return descriptions.of_field(definition, field) if field else ""
