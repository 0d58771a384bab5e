"""Requests over HTTP to OCS and to GWS, and web desktops: the same rooms as T-Events, for HTTP/1.1."""
