"""Tests of the T-Events channel."""
