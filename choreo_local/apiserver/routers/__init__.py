"""HTTP to use cases and back: one router a theme, no rules of their own."""
