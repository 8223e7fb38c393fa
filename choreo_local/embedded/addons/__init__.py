"""Stand-ins for operators that a platform expects on every cluster."""
