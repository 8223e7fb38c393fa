"""RenderedRelease: puts manifests on their plane, keeps them there, and reports their health."""
