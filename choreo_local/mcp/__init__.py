"""The server for assistants at `/mcp`: tools over the use cases, for whoever may use them."""
