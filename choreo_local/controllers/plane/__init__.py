"""The six plane kinds: created, connected, not deleted while in use."""
