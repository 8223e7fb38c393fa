"""The network of pods that have network namespaces of their own (Linux): links, rules, relays.

All of it lives in one router namespace of the instance, which the kernel removes with everything
in it when the process of the instance ends, however it ends.
"""
