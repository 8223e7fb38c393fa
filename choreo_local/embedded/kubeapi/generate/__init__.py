"""Writes the tables of builtin types in `_generated/`, from sources that users do not install.

Run as `python -m choreo_local.embedded.kubeapi.generate`; only the project's own scripts do.
"""
