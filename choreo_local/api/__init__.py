"""The OpenChoreo kinds as pydantic models, and the facts about them that others need."""
