"""The `choreo` command."""
