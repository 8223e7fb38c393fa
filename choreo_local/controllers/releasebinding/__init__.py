"""ReleaseBinding: deploys one release of a component to one environment."""
