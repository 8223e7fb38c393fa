"""How a Kubernetes API behaves: one set of cases, the same for the embedded and for a real server.

The cases are data (`cases/*.yaml`, format in `cases/README.md`); what one server answers otherwise
on purpose is listed with its reason in `differences.yaml`. `CHOREO_CONFORMANCE_KUBECONFIG` names
another server than the embedded one.
"""
