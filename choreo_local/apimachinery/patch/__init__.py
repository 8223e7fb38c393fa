"""The five patch types, and who owns which field."""
