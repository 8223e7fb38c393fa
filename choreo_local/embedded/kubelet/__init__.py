"""The kubelet: runs the pods of one node. A client of the kube API, and nothing else.

`kubelet.Kubelet` follows pods and keeps one worker a pod. Decisions are pure (`actions`,
`podstatus`, `probes`, `backoff`, `environment`). What runs containers is a
`runtime.ContainerRuntime`.
"""
