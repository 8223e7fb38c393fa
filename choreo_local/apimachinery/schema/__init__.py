"""Structural schemas: defaults, pruning, validation."""
