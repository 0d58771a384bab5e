"""The relay of requests over HTTP/1.1: connections of clients, exchanges, upstreams."""
