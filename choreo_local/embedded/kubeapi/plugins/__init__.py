"""The admission plugins that every cluster runs, in upstream's order."""

from __future__ import annotations

from choreo_local.embedded.kubeapi.admission import Plugin
from choreo_local.embedded.kubeapi.authz import Authorizer
from choreo_local.embedded.kubeapi.plugins.certificates import CertificateRequests
from choreo_local.embedded.kubeapi.plugins.lifecycle import NamespaceLifecycle
from choreo_local.embedded.kubeapi.plugins.limits import LimitRanger
from choreo_local.embedded.kubeapi.plugins.mutatingpolicies import MutatingPolicies
from choreo_local.embedded.kubeapi.plugins.pods import (
    DefaultTolerations,
    Priorities,
    ServiceAccounts,
)
from choreo_local.embedded.kubeapi.plugins.podsecurity import PodSecurity
from choreo_local.embedded.kubeapi.plugins.policies import ValidatingPolicies
from choreo_local.embedded.kubeapi.plugins.quotas import ResourceQuotas
from choreo_local.embedded.kubeapi.plugins.roles import RoleEscalation
from choreo_local.embedded.kubeapi.plugins.runtimeclasses import RuntimeClasses
from choreo_local.embedded.kubeapi.plugins.storage import StorageDefaults
from choreo_local.embedded.kubeapi.plugins.webhooks import Webhooks
from choreo_local.embedded.kubeapi.registry import Registry
from choreo_local.embedded.storage.store import Store


def standard(store: Store, registry: Registry, authorizer: Authorizer) -> list[Plugin]:
    """New plugins over a store."""
    return [
        NamespaceLifecycle(store),
        LimitRanger(store),
        ServiceAccounts(store),
        PodSecurity(store),
        Priorities(store),
        DefaultTolerations(),
        StorageDefaults(store),
        RuntimeClasses(store),
        CertificateRequests(authorizer),
        RoleEscalation(authorizer),
        MutatingPolicies(store, registry, authorizer),
        ValidatingPolicies(store, registry, authorizer),
        Webhooks(store, authorizer),
        ResourceQuotas(store),
    ]
