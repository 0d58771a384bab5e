"""How fast `tevent-proxy replay` reads, and in how much memory: a log is made, and read by a process of its own.

    python bench/replay.py --size 1024

The log is a T-Server's: previews of many groups with many agents, each record delivered, processed and acknowledged,
among events of calls that have nothing to do with OCS and lines of other things, as in a real one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

GROUPS, AGENTS = 40, 10
MEGABYTE = 1 << 20

OTHERS = """\
@{at} [0] 8.1.101.33 distribute_event: message EventRinging
\tAttributeEventSequenceNumber\t{number:016x}
\tAttributeTimeinuSecs\t458658
\tAttributeTimeinSecs\t{seconds} ({clock})
\tAttributeCallUUID\t'AM5D3AE9D90757BKTSVJTCIAR{number:07d}'
\tAttributeUserData\t[74] 00 02 00 00..
\t\t'RTargetAgentGroup'\t'VAG_Skill1'
\t\t'CustomerSegment'\t'default'
\tAttributeConnID\t006c{number:012x}
\tAttributeThisDN\t'{dn}'
\tAttributeThisDNRole\t2
\tAttributeCallType\t2
{stamp} Trc 04542 EventRinging sent to [24] (00000479 ICON_localdb 10.51.60.68:59022)
{stamp} Trc 36002 something that nobody here knows about, as long as such lines are
"""

ASKS = """\
{stamp} Trc 04541 RequestDistributeUserEvent received from [{client}] (00000e85 desktop 10.51.167.61:49280)
message RequestDistributeUserEvent
\tAttributeCommunicationDN\t'{dn}'
\tAttributeReferenceID\t{number}
\tAttributeUserData\t[160] 00 05 00 00..
\t\t'GSW_AGENT_REQ_TYPE'\t'{request}'
\t\t'GSW_APPLICATION_ID'\t4113
\t\t'GSW_CAMPAIGN_NAME'\t'Campaign{group}'
\t\t'GSW_RECORD_HANDLE'\t{handle}
\t\t'GSW_CALLING_LIST'\t'List{group}'
"""

HEARS = """\
@{at} [0] 8.1.101.33 distribute_event: message EventUserEvent
\tAttributeEventSequenceNumber\t{number:016x}
\tAttributeTimeinuSecs\t458658
\tAttributeTimeinSecs\t{seconds} ({clock})
\tAttributeUserData\t[460] 00 0c 00 00..
\t\t'GSW_USER_EVENT'\t'{event}'
\t\t'GSW_APPLICATION_ID'\t4113
\t\t'GSW_CAMPAIGN_NAME'\t'Campaign{group}'
\t\t'GSW_CAMPAIGN_GROUP_DBID'\t{dbid}
\t\t'GSW_CAMPAIGN_GROUP_NAME'\t'Campaign{group}@Group{group}'
\t\t'GSW_CALLING_LIST'\t'List{group}'
\t\t'GSW_RECORD_HANDLE'\t{handle}
\t\t'GSW_CHAIN_ID'\t{handle}
\t\t'GSW_PHONE'\t'****'
\t\t'GSW_CALL_RESULT'\t28
\t\t'GSW_ATTEMPTS'\t0
\t\t'GSW_TZ_OFFSET'\t-3600
\tAttributeThisDN\t'{dn}'
{stamp} Trc 04542 EventUserEvent sent to [{client}] (00000479 desktop 10.51.60.68:59022)
"""

SAYS = """\
@{at} [0] 8.1.101.33 distribute_event: message EventUserEvent
\tAttributeTimeinSecs\t{seconds} ({clock})
\tAttributeUserData\t[120] 00 03 00 00..
\t\t'GSW_CM_MessageType'\t{kind}
\t\t'GSW_CM_AttrSessionID'\t{dbid}
\t\t'GSW_CM_AttrGroupCampStatus'\t{status}
\tAttributeThisDN\t'OCS_CommDN'
{stamp} Trc 04542 EventUserEvent sent to [9] (00000479 tevent-proxy 10.51.60.68:59022)
"""


def pieces() -> Iterator[str]:
    """The log, without end: all groups are loaded and started, then every agent takes record after record."""
    began = 1_700_000_000.0
    number = 0

    def filled(form: str, group: int, agent: int, **more: object) -> str:
        nonlocal number
        number += 1
        now = began + number * 0.02
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}"
        return form.format(
            at=f"{stamp[11:]}6",
            stamp=stamp,
            clock=stamp[11:19],
            seconds=int(now),
            number=number,
            group=group,
            dbid=1000 + group,
            dn=f"{30000 + group * AGENTS + agent}",
            client=100 + group * AGENTS + agent,
            **more,
        )

    for group in range(GROUPS):
        yield filled(SAYS, group, 0, kind=19, status=4)
        yield filled(SAYS, group, 0, kind=21, status=5)
    handle = 0
    while True:
        for group in range(GROUPS):
            for agent in range(AGENTS):
                handle += 1
                yield filled(ASKS, group, agent, request="PreviewRecordRequest", handle=0)
                yield filled(HEARS, group, agent, event="PreviewRecord", handle=handle)
                yield filled(OTHERS, group, agent)
                yield filled(ASKS, group, agent, request="RecordProcessed", handle=handle)
                yield filled(HEARS, group, agent, event="RecordProcessedAcknowledge", handle=handle)


def write(path: Path, size: int) -> None:
    """A log of `size` bytes, or a little more."""
    written = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for piece in pieces():
            written += file.write(piece)
            if written >= size:
                return


def measured(path: Path) -> dict[str, object]:
    """The summary of a replay in this process, with its seconds and the process's peak memory in MB."""
    from proxy.replay.command import replay

    began, spent = time.perf_counter(), time.process_time()
    report = replay([str(path)], None)
    seconds, spent = time.perf_counter() - began, time.process_time() - spent
    summary = dict(report.json()["summary"])  # type: ignore[call-overload]
    return {
        **summary,
        "groups": len(report.groups),
        "finalized": sum(int(g.status["finalized"]) for g in report.groups.values() if g.status),
        "seconds": seconds,
        "cpu": spent,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Make, read, print."""
    parser = argparse.ArgumentParser(description="Speed and memory of tevent-proxy replay.")
    parser.add_argument("--size", type=int, default=1024, help="of the log, in MB (default 1024)")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        print(json.dumps(measured(options.read)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tserver.log")
        write(path, options.size * MEGABYTE)
        size = path.stat().st_size / MEGABYTE
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        read = subprocess.run(
            [sys.executable, __file__, "--read", str(path)], env=environment, check=True, capture_output=True, text=True
        )
    found = json.loads(read.stdout)
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores of {_processor()}")
    print(
        f"{size:.0f} MB: {found['lines']} lines, {found['messages']} messages, {found['of_no_interest']} of no interest"
    )
    print(
        f"{found['groups']} groups, {found['finalized']} records, {found['lines_not_understood']} lines not understood"
    )
    print(f"{found['seconds']:.1f} s, {size / found['seconds']:.1f} MB/s; {found['peak_mb']:.0f} MB of memory at most")
    print(f"{found['cpu']:.1f} s of processor time, {size / found['cpu']:.1f} MB/s of it")


def _processor() -> str:
    try:
        names = [
            line.partition(":")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
        ]
    except OSError:
        names = []
    return (names or [platform.machine()])[0].strip()


if __name__ == "__main__":
    main()
