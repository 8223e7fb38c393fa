"""Release + environment + plane to Kubernetes manifests; pure and deterministic.

Everything takes and gives plain manifests, as the cluster stores them. What callers use:

* pipelines: `component`, `project`, `resource`, `workflow` — each has inputs as a frozen dataclass,
  `inputs_of_release` where there is a release, and `render`; `binding` renders a whole
  ReleaseBinding, network policy and endpoints included;
* around them: `release` (snapshots, hashes, ids), `names`, `networkpolicy`, `endpoints`,
  `dependencies`, `health`, `readiness`;
* for what checks types before they are used: `template` (`scan`, `iter_expressions`), `functions`
  (`LIBRARIES` of each dialect), `schema`, `references`.

Whatever cannot be rendered raises `errors.RenderError`, whose message is fit for a condition.
"""
