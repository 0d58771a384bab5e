"""`tevent-proxy simulate`: the simulator, simulated agents, or one order of an operator.

simulate --config FILE [--role primary|backup] [--port-file FILE] [--status-file FILE]
simulate --agents --connect ENDPOINT ... --dns 3001-3005 [--talk 0.1 ...] [--report FILE] [--until-unloaded]
simulate --operator load|start|stop|unload|... --connect ENDPOINT --group DBID [--auto-completion 1]
simulate --operator load|... --direct --connect ENDPOINT --campaign-id DBID --group-id DBID [--auto-completion 1]
simulate --operator load|... --http --connect http://HOST:PORT --group DBID [--auto-completion 1]
simulate --operator load|... --gws --connect http://HOST:PORT --campaign-id DBID --group-id DBID [--auto-completion 1]
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.python.failure import Failure

from proxy.errors import OurError, PeerError
from proxy.simulator import operator
from proxy.simulator.agent import Habits
from proxy.simulator.conf import as_backup, read_conf, read_dns
from proxy.simulator.crew import Crew
from proxy.simulator.httpoperator import at_gws, at_ocs, give
from proxy.simulator.operator import DirectOperator, Operator, Order
from proxy.simulator.pair import Role
from proxy.simulator.service import Simulator, write_json
from proxy.simulator.vocabulary import DIAL_MODES

DOORS = {"direct": "campaign managers", "ocs-http": "OCS HTTP", "gws": "clients of GWS"}
"""What listens besides T-Server, and for whom."""


def main(arguments: list[str]) -> int:
    """Run one of the three until it ends, or SIGTERM; returns the exit status: 0, or 1 with a line on stderr."""
    parser = _parser()
    options = parser.parse_args(arguments)
    run: Callable[[Any, Namespace], Coroutine[Any, Any, None]]
    if options.operator:
        run = _operate
    elif options.agents:
        run = _simulate_agents
    elif options.config:
        run = _simulate
    else:
        parser.error("one of --config, --agents, --operator is needed")
    if run is not _simulate and not options.connect:
        parser.error("--connect is needed")
    if run is _operate and len(options.connect) > 1:
        parser.error("an operator has one --connect")
    if run is _simulate_agents and not options.dns:
        parser.error("--dns is needed")
    return _react(lambda reactor: Deferred.fromCoroutine(run(reactor, options)))


def _react(run: Callable[[Any], Deferred[None]]) -> int:
    """Run the reactor until `run` is through. What the user or the other side got wrong is one line, not a trace."""
    problems: list[str] = []

    def ended(failure: Failure) -> None:
        failure.trap(OurError, PeerError)
        problems.append(str(failure.value))

    def started(reactor: Any) -> Deferred[None]:
        return run(reactor).addErrback(ended)

    try:
        react(started)
    except SystemExit as end:
        status = int(end.code or 0)
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if problems else status


# ------------------------------------------------------------------------------------------------ the three


async def _simulate(reactor: Any, options: Namespace) -> None:
    """Until SIGTERM."""
    try:
        text = Path(options.config).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise OurError(f"{options.config}: {problem}") from problem
    conf = read_conf(text)
    if options.listen:
        conf = attrs.evolve(conf, tserver=attrs.evolve(conf.tserver, listen=options.listen))
    role = Role(options.role) if options.role else Role.PRIMARY
    if options.role and conf.pair is None:
        raise OurError(f"{options.config}: --role, and there is no [pair]")
    simulator = Simulator(conf if role is Role.PRIMARY else as_backup(conf), reactor, options.status_file, role)
    port = await simulator.start()
    reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(simulator.stop()))
    if options.port_file:
        Path(options.port_file).write_text(f"{port}\n", encoding="ascii")
    if options.direct_port_file:
        Path(options.direct_port_file).write_text(f"{simulator.direct_port}\n", encoding="ascii")
    if options.ports_file:
        write_json(options.ports_file, simulator.ports)
    sys.stdout.write(f"listening on tcp:127.0.0.1:{port}\n")
    for name, purpose in DOORS.items():
        if name in simulator.ports:
            sys.stdout.write(f"listening on tcp:127.0.0.1:{simulator.ports[name]} for {purpose}\n")
    sys.stdout.flush()
    await Deferred()


async def _simulate_agents(reactor: Any, options: Namespace) -> None:
    """Until SIGTERM, or until every campaign is unloaded."""
    habits = Habits(**{field.name: getattr(options, field.name) for field in attrs.fields(Habits)})
    crew = Crew(options.dns, options.connect, habits, options.seed, reactor, options.report, options.spread)
    reactor.addSystemEventTrigger("before", "shutdown", crew.end)
    crew.begin()
    await (crew.everything_unloaded if options.until_unloaded else Deferred())


async def _operate(reactor: Any, options: Namespace) -> None:
    """One request, one answer as JSON. Raises NoAnswer where there is none, OurError where OCS refuses."""
    (address,) = options.connect
    order = Order(
        request=options.operator,
        dbid=options.group,
        campaign_id=options.campaign_id,
        group_id=options.group_id,
        auto_completion=options.auto_completion,
        mode=options.mode,
        application_id=options.application_id,
        communication_dn=options.communication_dn,
        reference=options.reference,
        timeout=options.timeout,
    )
    if options.http or options.gws:
        posted = at_gws(order, options.ocs) if options.gws else at_ocs(order)
        answer = await give(posted, address, options.timeout, reactor)
    else:
        asking = (DirectOperator if options.direct else Operator)(order, reactor)
        answer = operator.as_json(await asking.connect(address))
    sys.stdout.write(json.dumps(answer) + "\n")
    if answer["answer"] == "refused":
        raise OurError("refused")


# ------------------------------------------------------------------------------------------------ options


def _dns(value: str) -> tuple[str, ...]:
    try:
        return read_dns(value)
    except ValueError as problem:
        raise ArgumentTypeError(str(problem)) from None


def _endpoint(value: str) -> str:
    """A T-Server's address, as Twisted writes it, or a URI."""
    if value.partition(":")[0] not in ("tcp", "tls", "ssl", "unix", "http", "https"):
        raise ArgumentTypeError(f"{value!r} is no endpoint: tcp:127.0.0.1:7000 is one")
    return value


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="tevent-proxy simulate", description="A T-Server with OCS behind it, and agents.")
    parser.add_argument(
        "--connect",
        type=_endpoint,
        action="append",
        metavar="ENDPOINT",
        help="agents, operator: T-Server, as tcp:host=...:port=...; agents: again for each backup",
    )

    simulator = parser.add_argument_group("the simulator")
    simulator.add_argument("--config", metavar="FILE", help="run the simulator of this conf file")
    simulator.add_argument("--role", choices=[role.value for role in Role], help="one of a pair, see [pair]")
    simulator.add_argument("--listen", metavar="ENDPOINT", help="listen here, whatever the conf file says")
    simulator.add_argument("--port-file", metavar="FILE", help="write the port number there once it listens")
    simulator.add_argument("--direct-port-file", metavar="FILE", help="the same for the direct door")
    simulator.add_argument("--ports-file", metavar="FILE", help="all ports that listen, as JSON")
    simulator.add_argument("--status-file", metavar="FILE", help="keep what OCS really did there, as JSON")

    agents = parser.add_argument_group("agents")
    agents.add_argument("--agents", action="store_true", help="run simulated agents")
    agents.add_argument("--dns", type=_dns, help="their DNs: 3001-3005 4001")
    agents.add_argument("--spread", action="store_true", help="each one's primary is the next --connect, in turn")
    agents.add_argument("--seed", type=int, default=1, help="of what they do by chance")
    agents.add_argument("--report", metavar="FILE", help="keep what they heard and did there, as JSON")
    agents.add_argument("--until-unloaded", action="store_true", help="end when every campaign heard of is unloaded")
    for field in attrs.fields(Habits):
        option = f"--{field.name.replace('_', '-')}"
        agents.add_argument(option, type=float, default=field.default, metavar="NUMBER", help="default %(default)s")

    order = parser.add_argument_group("operator")
    order.add_argument("--operator", choices=sorted(operator.REQUESTS), help="ask OCS one thing, print its answer")
    where = order.add_mutually_exclusive_group()
    where.add_argument("--direct", action="store_true", help="ask OCS itself, as campaign managers do")
    where.add_argument("--http", action="store_true", help="ask OCS at its HTTP port; --connect http://HOST:PORT")
    where.add_argument("--gws", action="store_true", help="ask GWS, which asks OCS; --connect http://HOST:PORT")
    order.add_argument("--ocs", type=int, default=4113, metavar="DBID", help="of OCS, for GWS; default %(default)s")
    order.add_argument("--group", type=int, metavar="DBID", help="DBID of the campaign group")
    order.add_argument("--campaign-id", type=int, metavar="DBID", help="or of its campaign")
    order.add_argument("--group-id", type=int, metavar="DBID", help="and of its agent group")
    order.add_argument("--auto-completion", type=int, metavar="0|1", help="GSW_AUTO_COMPLETION; absent without it")
    order.add_argument("--mode", choices=sorted(DIAL_MODES.values()), help="dialing mode, with start and mode")
    order.add_argument("--application-id", type=int, default=4114, metavar="DBID", help="default %(default)s")
    order.add_argument("--communication-dn", default="OCS_CommDN", metavar="DN", help="default %(default)s")
    order.add_argument("--reference", type=int, default=1, metavar="NUMBER", help="GSW_CM_AttrReferenceID")
    order.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS", help="default %(default)s")
    return parser
