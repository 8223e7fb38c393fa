"""Variables by which processes are known to belong to an instance, and to a pod of it.

Apart from what starts containers, because who only looks for them should not have to load that.
"""

from __future__ import annotations

PREFIX = "CHOREO_"
MARK_INSTANCE, MARK_POD = PREFIX + "INSTANCE", PREFIX + "POD"

# The file beside the pods that tells which container engine has something of an instance.
ENGINE_NOTE = "engine"
