"""`tevent-proxy replay`: files in, a report out."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from proxy.config import Config
from proxy.replay.files import Totals, entries, look_at_all
from proxy.replay.play import Play
from proxy.replay.report import Report


def replay(paths: Sequence[str], config: Config | None, console: Console | None = None) -> Report:
    """The report on these files; with a progress bar on `console` where that is a terminal. Raises CannotRead."""
    files = look_at_all(paths)
    totals = Totals()
    play = Play(config, [file.teller for file in files], any(file.traces_direct for file in files))
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = console or Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=sum(file.size for file in files))
        for entry in entries(files, totals, lambda number: progress.advance(task, number)):
            play.tell(entry)
    report = play.end()
    report.totals, report.left_out = totals, play.left_out
    return report


def run(paths: Sequence[str], config: Config | None, as_json: bool) -> None:
    """Print the report on these files. Raises CannotRead."""
    report = replay(paths, config)
    if as_json:
        json.dump(report.json(), sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        for line in report.text():
            sys.stdout.write(f"{line}\n")
