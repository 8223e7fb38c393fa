"""The commands of `choreo`, without a platform."""
