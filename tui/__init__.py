"""The terminal dashboard: a client of the platform's HTTP APIs."""
