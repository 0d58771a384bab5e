"""Several proxies, one set of groups.

Every instance appends what it observes to one stream in Redis, and applies all that stands there, in the stream's
order and with its time, to its own copy of the groups: its replica. The groups are deterministic, so all replicas
are the same, and of the commands that come out of them each instance carries out what is its own.

    observed here -> board -> member -> outbox -> Redis's stream
    Redis's stream -> member -> replica (groups) -> commands -> board -> agents of sessions here; the leader: the dialer

entries and replica are pure; here and outbox know what this instance has to say, finding what it begins with, leading
whether it speaks to the dialer; stream, scripts, connection and url are the way to Redis; shown is what operators see.
"""
