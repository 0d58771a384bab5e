"""Several proxies, one set of groups: what each observes goes into one stream in Redis, and all apply that stream."""
