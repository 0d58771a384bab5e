"""Scenes that many dialogues about a completion begin with."""

from __future__ import annotations

from proxy.campaign.observation import Stop, Unload, Word
from proxy.campaign.policy import By, Policy
from tests.campaign.desk import COMPLETES, Agent, Desk, group

SETTLE = COMPLETES.settle
TIMEOUT = COMPLETES.answer_timeout
WAIT = COMPLETES.notify_wait
UNTOLD = Policy(by=By.PROXY, complete_untouched=True)


def runs_dry(desk: Desk, agent: Agent, handle: str = "77") -> None:
    """The agent gets a record and finishes it; for the next there is none."""
    agent.asks()
    agent.gets(handle)
    agent.processes(handle)
    agent.acknowledged()
    agent.asks()
    agent.hears_no_records()


def ready(*dns: str, policy: Policy = COMPLETES) -> tuple[Desk, list[Agent]]:
    """A group that runs and has no more records; only time is left. Its agents are those on `dns`."""
    desk = Desk(group(policy=policy))
    agents = [desk.agent(dn) for dn in dns or ("3001",)]
    desk.runs()
    for agent in agents:
        agent.hears(Word.STARTED, "Preview")
    runs_dry(desk, agents[0])
    return desk, agents


def stop_sent(*dns: str, policy: Policy = COMPLETES) -> tuple[Desk, list[Agent], Stop]:
    """A group to which Stop has just been sent; nothing said before is of interest."""
    desk, agents = ready(*dns, policy=policy)
    desk.passes(SETTLE)
    [stop] = desk.sent(Stop)
    desk.forgets()
    return desk, agents, stop


def stopped(*dns: str, policy: Policy = COMPLETES) -> tuple[Desk, list[Agent]]:
    """OCS's word is stopped; nobody has been told yet."""
    desk, agents, _ = stop_sent(*dns, policy=policy)
    desk.ocs.stopped()
    desk.forgets()
    return desk, agents


def unload_sent(*dns: str, policy: Policy = COMPLETES) -> tuple[Desk, list[Agent], Unload]:
    """The agents have been told by the proxy that the group is stopped; Unload has just been sent."""
    desk, agents = stopped(*dns, policy=policy)
    desk.passes(WAIT)
    [unload] = desk.sent(Unload)
    desk.forgets()
    return desk, agents, unload
