"""The Resource family: what a project asks for beside its components, and where it is deployed."""
