"""A dialer with calling lists, and agents: to try the proxy and to test against."""
