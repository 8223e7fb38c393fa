"""The dashboard's screens: each composes its widgets and reacts to messages."""
