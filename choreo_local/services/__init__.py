"""Use cases. REST, MCP and the command line call the same functions."""
