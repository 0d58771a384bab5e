"""Witnesses: who else knows how many records were retrieved from the calling lists."""
