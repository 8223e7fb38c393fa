"""May this subject do this here? Policies from the Authz kinds, decisions by casbin."""
