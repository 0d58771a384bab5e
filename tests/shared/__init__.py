"""Several proxies, one set of groups."""
