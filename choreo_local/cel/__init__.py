"""Our Common Expression Language: parse, check, evaluate; pure."""
