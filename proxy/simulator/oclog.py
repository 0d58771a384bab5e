"""The log of OCS, with the lines of real ones (C) that carry what no protocol carries: the counts of records.

    16:19:06.050 CM_DBCallList(236-136-336): DBServer ... SQL: sp236136336 @CampID = '136', ... @NumRec = 6 ...
    16:19:06.052 CM_DBCallList(236-136-336): SP return value (ReadyCount):0
    14:20:55.847 Trc 52000 Campaign Group Sales@Agents has been loaded
    CmHttpEvent[1-1]::14:10:13.014 Processing HTTP request; uri: /campaigngroups/101?req=Load

The numbers in brackets are the DBIDs of calling list, campaign and agent group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone

from proxy.kvlist import Pair
from proxy.simulator.calling_list import CallingList, Owner
from proxy.simulator.vocabulary import FORCE_UNLOADED, LIFE_MESSAGES, RecordType


class OcsLog:
    """Lines of the log, by what happened. `write` takes a whole line; `seconds` gives the time."""

    def __init__(self, write: Callable[[str], object], seconds: Callable[[], float]) -> None:
        self._write = write
        self._seconds = seconds
        self._request = 0

    def life(self, group: str, what: str) -> None:
        """A group has been `loaded`, `started`, `stopped`, `unloaded` or `force unloaded`."""
        self._line(f"Trc {LIFE_MESSAGES.get(what, FORCE_UNLOADED)} Campaign Group {group} has been {what}")

    def retrieval(self, calling_list: CallingList, owner: Owner, type: RecordType, asked: int, brought: int) -> None:
        """A request to the database for `asked` records of one list and type brought `brought`."""
        self._request += 1
        ids = f"{calling_list.dbid}-{owner.campaign_id}-{owner.group_id}"
        now = self._seconds()
        self._line(
            f"CM_DBCallList({ids}): DBServer 'DBServer for {calling_list.name} ({calling_list.dbid})' "
            f"SQL: sp{ids.replace('-', '')} @CampID = '{owner.campaign_id}', @GroupID = '{owner.group_id}', "
            f"@ListID = '{calling_list.dbid}', @RecType = {int(type)}, @NumRec = {asked}, "
            f"@CTime = '{int(now % 86400)}', @TTime = '{int(now)}', @SPResult = @out [ReqID={self._request}]"
        )
        self._line(f"CM_DBCallList({ids}): SP return value (ReadyCount):{brought}")
        self._line(
            f"CM_DBCallList({ids}): SelectEnd:0  SelectedRecords:{brought} RequestID:{self._request} "
            f"ReadyRecords:{brought} SelectTime:0"
        )

    def statistics(self, calling_list: CallingList, owner: Owner) -> None:
        """What a list holds."""
        self._request += 1
        ids = f"{calling_list.dbid}-{owner.campaign_id}-{owner.group_id}"
        census = calling_list.census()
        self._line(
            f"CM_DBCallList({ids}): DBServer 'DBServer for {calling_list.name} ({calling_list.dbid})' "
            f"SQL: sr{ids.replace('-', '')} @CTime = '{int(self._seconds() % 86400)}', @ReadyCount = @out, "
            f"@RetrievedCount = @out, @FinalCount = @out, @TotalCount = @out [ReqID={self._request}]"
        )
        for name, count in (
            ("ReadyCount", census.ready),
            ("RetrievedCount", census.retrieved),
            ("FinalCount", census.final),
            ("TotalCount", census.total),
        ):
            self._line(f"CM_DBCallList({ids}): SR return value ({name}):{count}")

    def http_request(self, connection: int, number: int, target: str) -> None:
        """The `number`-th request of a connection came over HTTP."""
        self._write(f"CmHttpEvent[{connection}-{number}]::{self._time()} Processing HTTP request; uri: {target}")

    def parsed_request(self, pairs: Sequence[Pair]) -> None:
        """What a request over HTTP says, as OCS understands it."""
        lines = [f"'{each.key}'        {each.value!r}" for each in pairs]
        self._line(f"Parsed OCS request:{' ' * 27}{lines[0]}")
        for line in lines[1:]:
            self._write(f"{' ' * 32}{line}")

    def database_lost(self, calling_list: CallingList, owner: Owner) -> None:
        """A request to the database could not be made."""
        ids = f"{calling_list.dbid}-{owner.campaign_id}-{owner.group_id}"
        self._line(f"CM_DBCallList({ids}): DBServer 'DBServer for {calling_list.name}' is not connected")

    def _line(self, text: str) -> None:
        self._write(f"{self._time()} {text}")

    def _time(self) -> str:
        stamp = datetime.fromtimestamp(self._seconds(), timezone.utc)
        return f"{stamp:%H:%M:%S}.{stamp.microsecond // 1000:03d}"
