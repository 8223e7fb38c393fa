"""Rules of the kinds that controllers keep writing: leases, endpoint slices, events."""

from __future__ import annotations

from choreo_local.embedded.kubeapi.validation import endpoints, events, leases
from choreo_local.embedded.kubeapi.validation.rules import Rules

RULES = {
    "Lease": Rules(leases.validate, leases.validate_update, repeats=False, any_finalizer=True),
    "EndpointSlice": Rules(endpoints.validate_slice, endpoints.validate_slice_update),
    "Event": Rules(events.validate, events.validate_update, repeats=False),
}
