"""The admission plugins that every cluster runs."""
