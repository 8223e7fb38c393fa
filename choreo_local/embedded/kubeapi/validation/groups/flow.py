"""Rules of the kinds that say in which order requests are served."""

from __future__ import annotations

from choreo_local.embedded.kubeapi.validation import flowcontrol
from choreo_local.embedded.kubeapi.validation.rules import Rules

RULES = {
    "FlowSchema": Rules(
        flowcontrol.validate_schema, flowcontrol.validate_schema_update, namespaced=False
    ),
    "PriorityLevelConfiguration": Rules(
        flowcontrol.validate_level, flowcontrol.validate_level_update, namespaced=False
    ),
}
