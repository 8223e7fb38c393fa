"""Requests that no client would send, against a kube API in a process of its own."""
