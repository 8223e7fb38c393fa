"""The Pod Security Standards, as pure functions of pods."""
