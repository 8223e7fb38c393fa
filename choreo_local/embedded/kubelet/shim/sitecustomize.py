"""Imported by Python at its start: gives Python programs that a container starts a pod's view."""

from __future__ import annotations

import os

if os.environ.get("CHOREO_POD"):
    __import__("choreo_pod").install()
