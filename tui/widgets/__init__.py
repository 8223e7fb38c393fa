"""The dashboard's widgets: they draw lines that were decided elsewhere."""
