"""To which session the counts of a witness belong that is ahead of OCS's word, or behind it (R10, R14, R18)."""

from __future__ import annotations

from proxy.campaign.observation import News, SessionWitnessed, Status, Stop
from tests.campaign.desk import COMPLETES, Agent, Desk, Witness, group
from tests.campaign.scenes import SETTLE


def scene(found: bool = True) -> tuple[Desk, Agent, Witness]:
    """A group of which OCS has said nothing but that it is not loaded, an agent, and a witness."""
    desk = Desk(group(policy=COMPLETES))
    anna, witness = desk.agent(), desk.witness(found=found)
    desk.ocs.connected()
    desk.ocs.answers(Status.NOT_LOADED)
    return desk, anna, witness


def tells(witness: Witness, desk: Desk, *began: bool) -> None:
    """A witness tells that a session began, or is over."""
    for each in began:
        desk.sees(SessionWitnessed(witness.name, desk.names, each))


def loads(desk: Desk) -> None:
    """A client loads and starts the group, and asks for completion."""
    client = desk.client()
    desk.ocs.loaded(reference=client.loads(1))
    desk.ocs.started("Preview", reference=client.starts(1))


def unloads(desk: Desk) -> None:
    """OCS stops and unloads the group, unasked."""
    desk.ocs.stopped()
    desk.ocs.unloaded()


def finishes(agent: Agent, *handles: str) -> None:
    """The agent gets records and finishes them."""
    for handle in handles:
        agent.gets(handle)
        agent.processes(handle)
        agent.acknowledged()


def is_stopped(desk: Desk, after: float = 10 * SETTLE) -> bool:
    """Whether the group is stopped by the proxy within that time."""
    desk.passes(after)
    return bool(desk.sent(Stop))


def test_a_witness_moves_nothing() -> None:
    """What a witness says of a session is not OCS's word (R1)."""
    desk, _, witness = scene()
    tells(witness, desk, True)
    assert desk["state"] == "unloaded"
    loads(desk)
    tells(witness, desk, True, False)
    assert desk["state"] == "running"
    assert News.UNLOADED not in desk.news()


def test_it_is_there_before_ocs_says_loaded() -> None:
    """What it tells after it told the beginning belongs to the session that OCS announces later."""
    desk, anna, witness = scene()
    tells(witness, desk, True)
    witness.retrieved(2, 10)
    loads(desk)
    assert desk["retrieved"] == 2
    finishes(anna, "77", "78")
    assert is_stopped(desk)


def test_it_knows_a_session_that_began_before_the_proxy() -> None:
    """Its log was read back to the beginning of the session: what was retrieved is known whole."""
    desk = Desk(group(policy=COMPLETES))
    witness = desk.witness(found=False)
    tells(witness, desk, True)
    witness.retrieved(2, 10)
    witness.found()
    desk.ocs.connected()
    desk.ocs.answers(Status.RUNNING)
    assert desk["retrieved"] == 2


def test_it_knows_the_session_that_ocs_announces_first() -> None:
    """Nothing was known of the group; what the witness told since the beginning that it saw is this session's."""
    desk = Desk(group(policy=COMPLETES))
    witness = desk.witness()
    desk.ocs.connected()
    tells(witness, desk, True)
    witness.retrieved(2, 10)
    desk.ocs.loaded()
    assert desk["retrieved"] == 2


def test_a_session_that_was_over_before_the_proxy_counts_for_nothing() -> None:
    """What was read back of it is not taken for the next session's."""
    desk, anna, witness = scene(found=False)
    tells(witness, desk, True)
    witness.retrieved(20, 20)
    tells(witness, desk, False)
    witness.found()
    loads(desk)
    assert desk["retrieved"] is None
    tells(witness, desk, True)
    witness.retrieved(1, 10)
    assert desk["retrieved"] == 1
    finishes(anna, "77")
    assert is_stopped(desk)


def test_it_lags_behind_a_session() -> None:
    """What it tells of the last session after OCS announced the next one is not counted for that."""
    desk, anna, witness = scene()
    tells(witness, desk, True)
    loads(desk)
    witness.retrieved(3, 10)
    unloads(desk)
    loads(desk)
    witness.retrieved(5, 10)
    tells(witness, desk, False, True)
    witness.retrieved(1, 10)
    assert desk["retrieved"] == 1
    finishes(anna, "77")
    assert is_stopped(desk)


def test_it_is_ahead_by_a_session() -> None:
    """It tells the end, the next beginning and a retrieval before OCS's word: they are the next session's, all."""
    desk, anna, witness = scene()
    tells(witness, desk, True)
    loads(desk)
    witness.retrieved(1, 10)
    finishes(anna, "77")
    tells(witness, desk, False, True)
    witness.retrieved(2, 10)
    assert desk["retrieved"] is None, "of the session that is over for it, it knows nothing more"
    assert not is_stopped(desk)
    unloads(desk)
    loads(desk)
    assert desk["retrieved"] == 2
    finishes(anna, "78")
    assert not is_stopped(desk)
    finishes(anna, "79")
    assert is_stopped(desk)


def test_a_beginning_without_an_end() -> None:
    """OCS ended without a word: what is told after the second beginning is not the first session's."""
    desk, anna, witness = scene()
    tells(witness, desk, True)
    loads(desk)
    witness.retrieved(1, 10)
    tells(witness, desk, True)
    finishes(anna, "77")
    assert desk["retrieved"] is None
    assert not is_stopped(desk)


def test_what_it_tells_before_it_is_found_is_no_evidence() -> None:
    """r14: an empty retrieval of the past says nothing of now, not even when it is found; the next one does."""
    desk, _, witness = scene(found=False)
    loads(desk)
    witness.retrieved(0, 10)
    witness.counts(ready=0, retrieved=0)
    assert not desk["exhausted"]
    witness.found()
    witness.retrieved(0, 10, record_type="CampaignCallBack")
    assert not desk["exhausted"], "that of the other type is of the past"
    witness.retrieved(0, 10)
    assert desk["exhausted"]


def test_what_was_retrieved_before_it_is_found_touches_no_run() -> None:
    """r15: before a record of this run was delivered or retrieved, "no records" does not count."""
    desk, anna, witness = scene(found=False)
    loads(desk)
    witness.retrieved(5, 5)
    anna.asks()
    anna.hears_no_records()
    assert not desk["exhausted"]


def test_what_was_retrieved_before_it_is_found_takes_evidence_back() -> None:
    """r13: a witness that was behind tells of records: "no records" may be older than they are."""
    desk, anna, witness = scene(found=False)
    loads(desk)
    finishes(anna, "77")
    anna.asks()
    anna.hears_no_records()
    assert desk["exhausted"]
    witness.retrieved(5, 5)
    assert not desk["exhausted"]


def test_a_witness_that_is_lost_knows_nothing_until_the_next_session() -> None:
    """r10: what was retrieved while it was away is missing; from the next beginning on it knows all."""
    desk, anna, witness = scene()
    tells(witness, desk, True)
    loads(desk)
    witness.retrieved(1, 10)
    finishes(anna, "77")
    witness.lost()
    assert desk["retrieved"] is None
    assert desk["waiting_for"] == "no more records (lost: log)"
    witness.found()
    assert desk["waiting_for"] == "no more records"
    witness.retrieved(1, 10)
    finishes(anna, "78")
    assert desk["retrieved"] is None
    assert not is_stopped(desk)
    unloads(desk)
    loads(desk)
    tells(witness, desk, False, True)
    witness.retrieved(1, 10)
    finishes(anna, "79")
    assert is_stopped(desk)
