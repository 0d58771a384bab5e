"""Replay: printed logs in, what would have happened to the campaign groups out."""
