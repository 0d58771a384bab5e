"""What the lines of OCS's log say about records: lines in, observations out. Pure.

    16:19:06.050 CM_DBCallList(236-136-336): DBServer ... SQL: sp236136336 ... @RecType = 2, @NumRec = 6 ... [ReqID=7]
    16:19:06.052 CM_DBCallList(236-136-336): SP return value (ReadyCount):0

is a request for 6 General records of list 236 for agent group 336 in campaign 136, which brought none.
Lines are read leniently: what stands before, between and after the marks of `FORMS` does not matter.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

from attrs import define, field

from proxy.campaign.observation import (
    GroupNames,
    ListStatistics,
    Observation,
    Retrieved,
    WitnessLost,
    Word,
    WordHeard,
)

FORMS: dict[str, str] = {
    # (C) The DBIDs of calling list, campaign and agent group, in this order (A: in every release).
    "list": r"CM_DBCallList\((\d{1,10})-(\d{1,10})-(\d{1,10})\)",
    # (C) A retrieval: the stored procedure `sp...` for one list, campaign group and record type; how many it asks for.
    "retrieval": r"SQL:\s*sp\d",
    "record type": r"@RecType\s*=\s*'?(\d{1,10})(?!\d)",
    "asked": r"@NumRec\s*=\s*'?(\d{1,10})(?!\d)",
    # (C) Which request a line is about. (A) A status other than DBM_SUCCESS: it brought nothing, and says nothing.
    "request": r"\[ReqID=(\d{1,20})\]",
    "answer": r"\bMSG_\w+\((\w+)\)",
    # (C) How many records the retrieval brought: chains, as agents get them. (A) Negative: it failed.
    "brought": r"SP return value \(ReadyCount\)\s*:\s*(-?\d{1,10})(?!\d)",
    # (C) The same once more, after the records themselves were read. (A) Where no return value is ever printed for
    # the list, it answers the retrieval, and the larger of the two numbers counts.
    "selected": r"SelectEnd:.*?SelectedRecords:\s*(\d{1,10})\b.*?ReadyRecords:\s*(\d{1,10})(?!\d)",
    # (C) Statistics of a list for a group, a line for each counter (A: the names of all but the first).
    "counted": r"SR return value \((\w+)\)\s*:\s*(-?\d{1,10})(?!\d)",
    # (D) The life of a campaign group, by its name.
    "life": r"\b(5200[0-4])\b.*?Campaign Group (.+?) has been \w",
    # (D) OCS was started anew: it has no group loaded.
    "restart": r"\b05060\b.*Application started",
}
"""All that is assumed about the form of lines: D documented, C seen in public logs and code, A assumed.

A site whose OCS writes something else corrects it here, and nowhere else.
"""

LIFE: dict[str, Word] = {
    "52000": Word.LOADED,
    "52001": Word.STARTED,
    "52002": Word.STOPPED,
    "52003": Word.UNLOADED,
    "52004": Word.UNLOADED,
}
"""Standard messages of OCS (D); 52003 is a forced unload."""

COUNTERS: dict[str, str] = {
    "ReadyCount": "ready",
    "RetrievedCount": "retrieved",
    "FinalCount": "final",
    "TotalCount": "total",
}
"""The counters of a statistic (C: of the request, A: of its answer) and what we call them. There may be others."""

SUCCESS = "DBM_SUCCESS"
"""The status of a request to the database that went well (C)."""

UNTOLD = "untold"
"""The record type of a retrieval whose request was not seen."""

MAX_LISTS = 10_000
"""Of how many lists, each for one group, what is still to come is remembered; the longest unheard goes first."""

MAX_REQUESTS = 16
"""How many requests for one list are remembered that were not answered yet. OCS has one at a time, as far as known."""

_RE = {name: re.compile(form, re.ASCII) for name, form in FORMS.items()}


@define
class _Request:
    """A retrieval that was not answered yet."""

    id: str | None
    record_type: str
    asked: int | None


@define
class _List:
    """What is still to come of one list for one group."""

    requests: list[_Request] = field(factory=list)
    answered: str | None = None
    has_return_values: bool = False
    counters: dict[str, int] = field(factory=dict)


_Key = tuple[str, str, str]


class OcsLogLines:
    """Reads the lines of one log, in order. `witness` is the name under which what they say is kept.

    `understood` lines said something about records or groups, `not_understood` should have, and change nothing.
    """

    def __init__(self, witness: str) -> None:
        self.understood = 0
        self.not_understood = 0
        self._witness = witness
        self._lists: OrderedDict[_Key, _List] = OrderedDict()
        self._kinds: tuple[tuple[str, Callable[[_Key, _List, str], Sequence[Observation] | None]], ...] = (
            ("SP return value", self._brought),
            ("SR return value", self._counted),
            ("SelectEnd:", self._selected),
            ("SQL:", self._sql),
            ("MSG_", self._answer),
        )

    def read(self, line: str) -> Sequence[Observation]:
        """What one line, without its end, says: mostly nothing."""
        if "CM_DBCallList" in line:
            return self._of_a_list(line)
        if "Campaign Group" in line and "has been" in line:
            return self._life(line)
        if "05060" in line and _RE["restart"].search(line):
            self.understood += 1
            return self._restarted()
        return ()

    def forget(self) -> None:
        """Lines are missing: what was still to come may have come in them."""
        self._lists.clear()

    def _restarted(self) -> Sequence[Observation]:
        self.forget()
        return (WitnessLost(self._witness),)

    def _life(self, line: str) -> Sequence[Observation]:
        found = _RE["life"].search(line)
        if found is None:
            return ()  # 52005 and others, or words of somebody else
        self.understood += 1
        name = found[2].strip().strip("'\"")
        return (WordHeard(GroupNames(name=name), LIFE[found[1]], self._witness),)

    # ------------------------------------------------------------------------------------------------ of one list

    def _of_a_list(self, line: str) -> Sequence[Observation]:
        for mark, read in self._kinds:
            if mark not in line:
                continue
            ids = _RE["list"].search(line)
            seen = None if ids is None else self._seen((ids[1], ids[2], ids[3]), line, read)
            if seen is None:
                self.not_understood += 1
                return ()
            self.understood += 1
            return seen
        return ()

    def _seen(
        self, key: _Key, line: str, read: Callable[[_Key, _List, str], Sequence[Observation] | None]
    ) -> Sequence[Observation] | None:
        entry = self._lists.setdefault(key, _List())
        self._lists.move_to_end(key)
        if len(self._lists) > MAX_LISTS:
            self._lists.popitem(last=False)
        if read == self._counted:
            return read(key, entry, line)
        statistics = tuple(self._statistics(key, entry))
        seen = read(key, entry, line)
        if not statistics:
            return seen
        return (*statistics, *(seen or ()))

    def _sql(self, key: _Key, entry: _List, line: str) -> Sequence[Observation] | None:
        """A request to the database; only retrievals matter."""
        if not _RE["retrieval"].search(line):
            return ()
        record_type = _RE["record type"].search(line)
        if record_type is None:
            return None
        asked, request = _RE["asked"].search(line), _RE["request"].search(line)
        entry.requests = [each for each in entry.requests if each.record_type != record_type[1]]
        entry.requests.append(
            _Request(None if request is None else request[1], record_type[1], None if asked is None else int(asked[1]))
        )
        del entry.requests[:-MAX_REQUESTS]
        return ()

    def _answer(self, key: _Key, entry: _List, line: str) -> Sequence[Observation]:
        """The database answered a request: which one, so that the count that follows is known to be its."""
        answer, request = _RE["answer"].search(line), _RE["request"].search(line)
        if answer is not None and request is not None:
            if answer[1] == SUCCESS:
                entry.answered = request[1]
            else:
                entry.requests = [each for each in entry.requests if each.id != request[1]]
        return ()

    def _brought(self, key: _Key, entry: _List, line: str) -> Sequence[Observation] | None:
        brought = _RE["brought"].search(line)
        if brought is None:
            return None
        entry.has_return_values = True
        request = self._answered(entry)
        return self._retrieved(key, request, int(brought[1])) if int(brought[1]) >= 0 else ()

    def _selected(self, key: _Key, entry: _List, line: str) -> Sequence[Observation] | None:
        selected = _RE["selected"].search(line)
        if selected is None:
            return None
        if entry.has_return_values or not entry.requests:
            return ()
        return self._retrieved(key, self._answered(entry), max(int(selected[1]), int(selected[2])))

    def _answered(self, entry: _List) -> _Request:
        """The request that is answered now: the one the database just answered, else the oldest."""
        of_id = [each for each in entry.requests if entry.answered is not None and each.id == entry.answered]
        request = next(iter(of_id or entry.requests), None)
        if request is None:
            return _Request(None, UNTOLD, None)
        entry.requests.remove(request)
        return request

    def _retrieved(self, key: _Key, request: _Request, brought: int) -> Sequence[Observation]:
        return (Retrieved(self._witness, _names(key), key[0], request.record_type, brought, request.asked),)

    # ------------------------------------------------------------------------------------------------ statistics

    def _counted(self, key: _Key, entry: _List, line: str) -> Sequence[Observation] | None:
        """A counter of a statistic, which is told when all of it is there, or something else begins."""
        counted = _RE["counted"].search(line)
        if counted is None:
            return None
        counter = COUNTERS.get(counted[1])
        if counter is None or int(counted[2]) < 0:
            return ()
        told = self._statistics(key, entry) if counter in entry.counters else iter(())
        statistics = list(told)
        entry.counters[counter] = int(counted[2])
        if len(entry.counters) == len(COUNTERS):
            statistics += self._statistics(key, entry)
        return statistics

    def _statistics(self, key: _Key, entry: _List) -> Iterator[Observation]:
        counters, entry.counters = entry.counters, {}
        if "ready" in counters or "retrieved" in counters:
            yield ListStatistics(self._witness, _names(key), key[0], **counters)


def _names(key: _Key) -> GroupNames:
    return GroupNames(campaign_id=int(key[1]), group_id=int(key[2]))
