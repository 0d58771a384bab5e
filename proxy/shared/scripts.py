"""What Redis does in one step: the scripts that it runs, and the keys they are about.

Each runs whole or not at all, and nothing else runs meanwhile. They are sent with each call (EVAL): Redis keeps what it
has compiled, and one that has forgotten its scripts (SCRIPT FLUSH, a restart, another master) cannot refuse one call
in the middle of many that are under way.

Redis 6.2 or later is needed (XTRIM MINID); 7 is what was tried. All keys are declared but those of an image's
portions, whose names stand in the image; a Redis Cluster is not supported.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

REPLACED = "REPLACED"
"""What a script says where its set of groups is not the current one."""

BEHIND = "BEHIND"
"""How the refusal begins that says that what comes after a position is not kept any more."""

UNORDERED = "UNORDERED"
"""What APPEND says where the batch before this one was refused. (Words after the first: else Redis puts ERR before.)"""


@frozen
class Keys:
    """Those of one set of groups, named `epoch`, under a prefix. All but `current` go when another takes its place."""

    prefix: str
    epoch: str

    @property
    def current(self) -> str:
        """Hash: name and format of the current set."""
        return f"{self.prefix}:epoch"

    @property
    def stream(self) -> str:
        """Stream: the batches, each in the field `b`."""
        return self._own("stream")

    @property
    def lease(self) -> str:
        """String that expires: instance:fence of the leader."""
        return self._own("lease")

    @property
    def fence(self) -> str:
        """Counter: the last fencing number that was given."""
        return self._own("fence")

    @property
    def instances(self) -> str:
        """Counter: the last instance number that was given."""
        return self._own("instances")

    @property
    def image(self) -> str:
        """Hash: the position of the newest image, and the key of its portions."""
        return self._own("image")

    @property
    def steps(self) -> str:
        """Hash: for each group that is being completed the fence, the position and the step last intended."""
        return self._own("steps")

    def portions(self, token: str) -> str:
        """List: an image's lines, in portions. `token` is different for each image."""
        return self._own(f"image:{token}")

    def order(self, token: str) -> str:
        """String that expires: how many batches came over one connection. `token` is different for each connection."""
        return f"{self.prefix}:order:{token}"

    def __iter__(self) -> Iterator[str]:
        """Those of fixed names that belong to this set alone, the image first."""
        yield from (self.image, self.stream, self.lease, self.fence, self.instances, self.steps)

    def _own(self, name: str) -> str:
        return f"{self.prefix}:{self.epoch}:{name}"


_CURRENT = f"""
if redis.call('HGET', KEYS[1], 'name') ~= ARGV[1] then return redis.error_reply('{REPLACED} by others') end
"""
# How almost every script begins. KEYS: current. ARGV: epoch. Whoever still works on a set of groups that was replaced,
# or that a Redis which came back empty does not know, must neither write to it nor take its silence for news.

_LATER = """
local function later(one, other)
    local one_ms, one_number = string.match(one, '^(%d+)-(%d+)$')
    local other_ms, other_number = string.match(other, '^(%d+)-(%d+)$')
    if one_ms ~= other_ms then return tonumber(one_ms) > tonumber(other_ms) end
    return tonumber(one_number) > tonumber(other_number)
end
"""
# Positions are ids of the stream, milliseconds-number: as texts they have no order. Numbers of Lua hold both exactly.

PROBE = """
redis.call('XADD', KEYS[1], '*', 'b', '')
redis.call('XTRIM', KEYS[1], 'MINID', '0-1')
return redis.call('DEL', KEYS[1])
"""
"""Whether this Redis runs scripts, has streams, and takes what we write. KEYS: one that is not used otherwise.

At connect, for otherwise a Redis without memory, or one that is a replica, would be connected to, lost, connected to...
"""

PORTION = """
redis.call('RPUSH', KEYS[1], ARGV[1])
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
"""One more portion of an image that is not in use yet. KEYS: portions. ARGV: text, milliseconds.

They expire: an instance that dies before it has switched to its image leaves nothing behind.
"""

FOUND = """
if (redis.call('HGET', KEYS[1], 'name') or '') ~= ARGV[1] then return 0 end
if redis.call('PERSIST', KEYS[4]) == 0 then return redis.error_reply('EXPIRED image') end
local portions = redis.call('HGET', KEYS[5], 'portions')
if portions then redis.call('DEL', portions) end
for number = 5, #KEYS do redis.call('DEL', KEYS[number]) end
redis.call('HSET', KEYS[1], 'name', ARGV[2])
redis.call('HSET', KEYS[1], 'format', ARGV[3])
redis.call('HSET', KEYS[3], 'position', ARGV[4])
redis.call('HSET', KEYS[3], 'portions', KEYS[4])
if ARGV[4] ~= '0-0' then
    redis.call('XADD', KEYS[2], ARGV[4], 'b', '')
    redis.call('XDEL', KEYS[2], ARGV[4])
end
return 1
"""
"""A new set of groups in the place of the one that is expected there. 1: it is done; 0: it is another's.

KEYS: current, stream, image, portions; then the image and all others of the old set. ARGV: name of the old set or
nothing, that of the new one, format, position.

Of several instances that find Redis empty, or a set that cannot be gone on with, one wins. The new stream begins after
the image's position even where this Redis's clock is behind that of the one before it (the entry that is added and
deleted): an entry with a smaller id would never be read.
"""

KEEP = (
    _CURRENT
    + _LATER
    + """
local kept = redis.call('HMGET', KEYS[3], 'position', 'portions')
if not later(ARGV[2], kept[1]) then
    redis.call('DEL', KEYS[4])
    return 0
end
if redis.call('PERSIST', KEYS[4]) == 0 then return redis.error_reply('EXPIRED image') end
redis.call('HSET', KEYS[3], 'position', ARGV[2], 'portions', KEYS[4], 'from', kept[1])
redis.call('DEL', kept[2])
redis.call('XTRIM', KEYS[2], 'MINID', kept[1])
return 1
"""
)
"""Switch to an image that is there in full, and trim the stream. 1: it is done; 0: there is one that is as new.

KEYS: current, stream, image, portions. ARGV: epoch, position.

In one step, so that whoever reads the newest image finds all that came after it in the stream. What came after the
image before it stays as well: for instances that are behind, but not by much. So does the entry at that position: by it
an instance sees that the stream is the one it knows. `from` tells where the stream begins.
"""

IMAGE = _CURRENT + "return redis.call('HGET', KEYS[2], 'portions')"
"""The key of the newest image's portions. KEYS: current, image. ARGV: epoch."""

TAIL = (
    _CURRENT
    + _LATER
    + f"""
local from = redis.call('HGET', KEYS[3], 'from')
if from and later(from, ARGV[2]) then return redis.error_reply('{BEHIND} what is kept') end
"""
    + """
local lines = {}
for number, entry in ipairs(redis.call('XRANGE', KEYS[2], ARGV[2], '+', 'COUNT', ARGV[3])) do
    lines[number] = entry[1] .. ' ' .. entry[2][2]
end
return table.concat(lines, '\\n')
"""
)
"""Entries of the stream: a line `id text` for each.

KEYS: current, stream, image. ARGV: epoch, first position, how many. Whoever has missed what was trimmed is told so:
what comes after that would be another history than his.
As one text: the client takes a turn of the reactor for each text of a reply, and copies what is left of it.
"""

HAS = (
    _CURRENT
    + _LATER
    + """
local kept = redis.call('HMGET', KEYS[3], 'position', 'from')
if kept[1] == ARGV[2] or kept[2] == ARGV[2] then return 'there' end
if ARGV[2] ~= '0-0' and #redis.call('XRANGE', KEYS[2], ARGV[2], ARGV[2]) == 1 then return 'there' end
if later(kept[2] or kept[1], ARGV[2]) then return 'trimmed' end
return 'missing'
"""
)
"""What became of a position. KEYS: current, stream, image. ARGV: epoch, position.

What is before the beginning of the stream was trimmed; all else is there, or this Redis never heard of it.
"""

APPEND = (
    _CURRENT
    + f"""
if ARGV[4] ~= '0' and redis.call('GET', KEYS[3]) ~= ARGV[4] then return redis.error_reply('{UNORDERED} batch') end
local id = redis.call('XADD', KEYS[2], '*', 'b', ARGV[2])
redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[5])
return redis.status_reply(id)
"""
)
"""One more batch; its id. KEYS: current, stream, order. ARGV: epoch, text, its number, the number before, milliseconds.

Many are under way at a time. Were one refused (no memory left) and the next one taken, replicas would apply the later
one and ignore the earlier one when it is sent again: so after one that was refused none goes in over that connection.
The id comes as a status, not as a text: of those the client reads many in one turn of the reactor.
"""

INSTANCE = _CURRENT + "return redis.call('INCR', KEYS[2])"
"""The next instance number. KEYS: current, instances. ARGV: epoch."""

TAKE_LEAD = (
    _CURRENT
    + """
local holder = redis.call('GET', KEYS[2])
if holder and string.match(holder, '^(%d+):') ~= ARGV[2] then return 0 end
local fence = string.format('%.0f', redis.call('INCR', KEYS[3]))
redis.call('SET', KEYS[2], ARGV[2] .. ':' .. fence, 'PX', ARGV[3])
local led = '{"m": ' .. ARGV[2] .. ', "s": 0, "f": ' .. fence .. ', "e": [["Led", ' .. ARGV[2] .. ', ' .. fence .. ']]}'
redis.call('XADD', KEYS[4], '*', 'b', led)
return tonumber(fence)
"""
)
"""The lease, and the entry that says so. The fencing number; 0: another has it.

KEYS: current, lease, fence, stream. ARGV: epoch, instance, milliseconds.

In one step: the order of the leads in the stream is that of their fencing numbers, and every replica knows of a lead
before it reads anything that was written under it.
"""

_HELD = """
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
"""
# What the leader's scripts ask after _CURRENT. KEYS: current, lease. ARGV: epoch, instance:fence. Whoever was paused,
# and whose lease has expired or is another's since, does nothing late.

RENEW = _CURRENT + _HELD + "return redis.call('PEXPIRE', KEYS[2], ARGV[3])"
"""The lease lasts longer, if it is held. KEYS: current, lease. ARGV: epoch, instance:fence, milliseconds."""

GIVE_UP = _CURRENT + _HELD + "return redis.call('DEL', KEYS[2])"
"""The lease is nobody's, if it is held. KEYS: current, lease. ARGV: epoch, instance:fence."""

INTEND = (
    _CURRENT
    + _HELD
    + _LATER
    + """
local before = redis.call('HGET', KEYS[3], ARGV[3])
if before then
    local fence, at = string.match(before, '^(%d+) (%d+-%d+) ')
    if tonumber(fence) > tonumber(ARGV[4]) then return 0 end
    if tonumber(fence) == tonumber(ARGV[4]) and not later(ARGV[5], at) then return 0 end
end
redis.call('HSET', KEYS[3], ARGV[3], ARGV[4] .. ' ' .. ARGV[5] .. ' ' .. ARGV[6])
return 1
"""
)
"""The next step of a group's completion, written down, if the lease is held and no later step stands there. 1 or 0.

KEYS: current, lease, steps. ARGV: epoch, instance:fence, group, fence, position, step.
"""

SETTLED = _CURRENT + _HELD + "return redis.call('HDEL', KEYS[3], ARGV[3])"
"""A group's completion is over, if the lease is held.

KEYS: current, lease, steps. ARGV: epoch, instance:fence, group.
"""
