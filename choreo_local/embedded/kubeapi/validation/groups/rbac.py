"""Rules of the kinds of roles and bindings."""

from __future__ import annotations

from choreo_local.embedded.kubeapi.validation import access, names
from choreo_local.embedded.kubeapi.validation.rules import Rules

RULES = {
    "ClusterRole": Rules(
        access.validate_cluster_role,
        access.validate_cluster_role_update,
        name=names.path_segment,
        namespaced=False,
    ),
    "ClusterRoleBinding": Rules(
        access.validate_cluster_binding,
        access.validate_cluster_binding_update,
        name=names.path_segment,
        namespaced=False,
    ),
    "Role": Rules(access.validate_role, access.validate_role_update, name=names.path_segment),
    "RoleBinding": Rules(
        access.validate_binding, access.validate_binding_update, name=names.path_segment
    ),
}
