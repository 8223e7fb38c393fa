"""The typed client of our own HTTP APIs; CLI and TUI live on this alone."""
