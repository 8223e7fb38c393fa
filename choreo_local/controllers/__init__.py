"""The OpenChoreo controllers: thin kopf shells around pure decisions."""
