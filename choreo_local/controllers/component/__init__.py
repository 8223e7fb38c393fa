"""Component: checks what a developer declared, freezes it, and deploys it to the first stage."""
