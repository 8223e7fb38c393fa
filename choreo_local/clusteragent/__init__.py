"""The other cluster's end of the tunnel: dials the gateway, serves requests from its kube API."""
