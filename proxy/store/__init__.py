"""Where groups survive."""
