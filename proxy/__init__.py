"""An inline proxy for the protocols in which campaign groups of OCS are controlled."""

__version__ = "0.1.0"
