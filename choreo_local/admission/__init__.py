"""What OpenChoreo's admission webhooks refuse and complete, as pure functions.

`registry` is the entrance; `plugin` fits it into the admission chain of a kube API.
"""
