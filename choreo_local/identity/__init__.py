"""Who is calling: a small OpenID provider, its users and clients, and the check of any token."""
