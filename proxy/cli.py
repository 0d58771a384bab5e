"""The command line: `tevent-proxy check | run | replay | simulate | demo`.

Exit codes: 0 it went well, 1 there are problems (each on a line of its own), 2 the command line is wrong, 141 nobody
reads any more what is printed (`tevent-proxy replay LOG | head`), as with other tools.
"""

from __future__ import annotations

import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from proxy import __version__
from proxy.config import Config, ConfigError, check, load
from proxy.errors import OurError
from proxy.summary import summary

NOBODY_READS = 128 + signal.SIGPIPE
"""The exit code that a shell has for those whom SIGPIPE ended."""


def main(arguments: list[str] | None = None) -> int:
    """Does what the arguments (those of the process, unless given) ask, and returns the exit code.

    Raises SystemExit, as argparse does, after --help, --version and with 2 after a wrong command line.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if arguments and arguments[0] in _WITH_ARGUMENTS_OF_ITS_OWN:
            return _WITH_ARGUMENTS_OF_ITS_OWN[arguments[0]](arguments[1:])
        return _read_or_not(lambda: _done(arguments))
    except OurError as problem:
        print(f"tevent-proxy: {problem}", file=sys.stderr)
        return 1


def _done(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    command: Callable[[Namespace], int] = options.command
    return command(options)


def _read_or_not(print_it: Callable[[], int]) -> int:
    """What a call that prints returns, or NOBODY_READS, quietly, where who reads has gone before the end."""
    try:
        try:
            return print_it()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # What is left to be printed would be tried once more, and complained of, when the process ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        return NOBODY_READS


def _parser() -> ArgumentParser:
    parser = ArgumentParser("tevent-proxy", description="An inline proxy that completes outbound campaign groups.")
    parser.add_argument("--version", action="version", version=f"tevent-proxy {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    checked = commands.add_parser("check", help="say what is wrong with a conf file, or what it asks for")
    checked.add_argument("file", metavar="FILE")
    checked.set_defaults(command=_check)

    run = commands.add_parser("run", help="run the proxy")
    run.add_argument("--config", metavar="FILE", required=True, dest="file")
    run.add_argument("--forget", action="store_true", help="set aside what the store has kept of groups, begin anew")
    run.set_defaults(command=_run)

    replay = commands.add_parser("replay", help="say what the proxy would have done, from logs of T-Server and others")
    replay.add_argument("files", metavar="FILE", nargs="+", help="logs, plain or gzip, in any order")
    replay.add_argument("--config", metavar="FILE", dest="file", help="what the proxy would be told to do")
    replay.add_argument("--json", action="store_true", help="the report for machines")
    replay.set_defaults(command=_replay)

    # These two read their own arguments; they stand here for --help.
    commands.add_parser("simulate", help="run a T-Server with a dialer behind it, or agents, to try the proxy")
    commands.add_parser("demo", help="simulator, agents and proxy together, in under a minute")
    return parser


def _check(options: Namespace) -> int:
    config = _read(check, options.file)
    if config is None:
        return 1
    print(summary(config))
    return 0


def _run(options: Namespace) -> int:
    config = _read(load, options.file)
    if config is None:
        return 1
    from proxy.service import run  # what only one command needs is imported by that command

    return run(config, os.path.abspath(options.file), options.forget)


def _replay(options: Namespace) -> int:
    config = None
    if options.file is not None:
        config = _read(load, options.file)
        if config is None:
            return 1
    from proxy.replay.command import run

    run(options.files, config, options.json)
    return 0


def _simulate(arguments: list[str]) -> int:
    from proxy.simulator.command import main

    return main(arguments)


def _demo(arguments: list[str]) -> int:
    from proxy.demo import main

    return main(arguments)


_WITH_ARGUMENTS_OF_ITS_OWN: dict[str, Callable[[list[str]], int]] = {"simulate": _simulate, "demo": _demo}


def _read(reading: Callable[[str], Config], path: str) -> Config | None:
    """The conf file, or None after its problems have been printed: `FILE:LINE: [section] key: what is wrong`."""
    try:
        return reading(path)
    except ConfigError as error:
        for line in error.lines(path):
            print(line, file=sys.stderr)
        return None
