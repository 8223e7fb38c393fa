"""Services, names, gateways and policies of the embedded cluster, as clients of its kube API."""
