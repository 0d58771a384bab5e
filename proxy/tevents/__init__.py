"""T-Events: messages, their bytes, the session of a desktop, the session of our own."""
