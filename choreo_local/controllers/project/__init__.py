"""Project and ProjectReleaseBinding: freezes its type into releases, and builds its cells."""
