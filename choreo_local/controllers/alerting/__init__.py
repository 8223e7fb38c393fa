"""Alert rules kept at the Observer API, and the channels through which people are told."""
