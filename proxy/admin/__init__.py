"""Status and health as JSON, metrics, the time line."""
