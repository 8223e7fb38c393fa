"""What runs inside the Python processes of host images: programs of their own, not part of ours.

The folder is put on the module path of such a process. Nothing here may import choreo_local or
anything that is not in the standard library, and as little as possible of that: each import is
paid for by every container. The settings come as `CHOREO_*` variables (`kubelet/launch.py`).
"""
