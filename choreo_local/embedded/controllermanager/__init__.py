"""The control loops of the embedded cluster, as clients of its kube API."""
