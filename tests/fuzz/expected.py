"""Which errors of the server are none of ours: a real kube-apiserver answers them too."""

from __future__ import annotations

import re

from tests.fuzz.wire import Answered, Sent

# Unavailable and timed out are answers by design, as for a resourceVersion of the future.
_BY_DESIGN = frozenset({503, 504})
# Text of the answer → what a real server, asked the same, has answered with 500 too.
_KNOWN = {
    r"resourceVersion should not be set on objects to be created": "create with a revision",
    r"strconv\.ParseUint: parsing": "a revision that is no number",
    r"failed to create typed patch object": "apply of what does not fit the schema",
    r"does not contain declared merge key": "strategic patch without the key of a list",
    r"invalid value for \$patch|\$patch|\$retainKeys|\$setElementOrder": "directives of patches",
    r"the order in patch list|setElementOrder": "strategic patch in another order",
    r"spec replicas field .* does not exist": "scale of an object that has none",
    r"lists of lists are not supported": "strategic patch",
    r"list element types are not identical": "strategic patch of a list with other elements",
    r"object has no apiVersion field": "merge patch that takes the version away",
    r"target\.name": "binding without a node",
    r"unable to find api field|expected map|expected list|cannot convert|invalid patch": "patches",
}
_PLAIN = {"/api/v1/watch": "a real server answers 500 in plain text"}


def problem(sent: Sent, answered: Answered) -> str:
    """What is wrong with an answer; nothing when it is one that may be given."""
    text = answered.body.decode(errors="replace")
    if "Traceback" in text or 'File "' in text or ".py" in text:
        return "it shows the program"
    if answered.status < 500 or answered.status in _BY_DESIGN:
        return ""
    if answered.status == 500 and (
        sent.path in _PLAIN or any(re.search(known, text) for known in _KNOWN)
    ):
        return ""
    return f"it is a {answered.status}: {text[:600]}"
