"""The simulator: that it is as honest as the real ones."""
