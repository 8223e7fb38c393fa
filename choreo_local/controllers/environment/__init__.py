"""Environment and DeploymentPipeline: where releases run, and how they travel."""
