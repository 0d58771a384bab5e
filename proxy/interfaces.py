"""Every interface at which a site can plug something in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from proxy.campaign.kept import Changes
    from proxy.campaign.observation import GroupNames, Observation
    from proxy.direct.message import Message as DirectMessage
    from proxy.tevents.message import Attribute as TEventAttribute
    from proxy.tevents.message import AttributeValue, Message


class IWireFormat(Interface):
    """The bytes of a protocol: how a stream is cut into frames.

    A provider holds no state of a connection; one serves all sessions. It is found by its `name` and
    `channel` among the plug-ins of `twisted.plugins`. What it cannot decode is relayed byte for byte.
    """

    name: str = Attribute("The name by which the conf file chooses it: `wire = NAME`.")
    channel: str = Attribute("The channel whose bytes these are: `tevents` or `direct`.")
    header_size: int = Attribute("How many bytes of a frame `read_header` needs.")
    prefix_size: int = Attribute("How many bytes of a frame its own length does not count (for max_frame).")

    def read_header(data: bytes, offset: int) -> tuple[int, int]:
        """Size in bytes of the whole frame that starts at `offset`, and its message number.

        At least `header_size` bytes are there. Called once a frame: it must be fast. A format whose message
        number stands in the body returns 0 for all. Raises Unframable for a length no frame can have.
        """


class ITEventWire(IWireFormat):
    """The bytes of T-Events. Encoding what was decoded gives the same bytes again."""

    def decode(frame: bytes) -> Message:
        """The message of one whole frame. Raises Malformed, and nothing else, for any garbage."""

    def encode(message: Message) -> bytes:
        """The frame of a message. Raises DoesNotFit where a value is too large for the format (M4)."""

    def attribute(id: int, value: AttributeValue) -> TEventAttribute:
        """An attribute of the kind that this format uses for such a value."""


class IDirectWire(IWireFormat):
    """The bytes of the direct protocol: one list of pairs a frame. Encoding what was decoded gives the same bytes.

    The message number stands in the list, so `read_header` tells 0 for all.
    """

    def decode(frame: bytes) -> DirectMessage:
        """The pairs of one whole frame. Raises Malformed, and nothing else, for any garbage."""

    def encode(message: DirectMessage) -> bytes:
        """The frame of some pairs. Raises DoesNotFit where a value is too large for the format (M4)."""


class IDialerControl(Interface):
    """A way to ask the dialer for something in the proxy's own name (`[completion] control`)."""

    name: str = Attribute("`tevents`, `direct` or `ocs-http`.")
    registered: bool = Attribute("Whether a request sent now would reach the dialer.")

    def stop(names: GroupNames, reference: int) -> None:
        """Send StopDialing for a group. `reference` comes back with the answer (R24)."""

    def unload(names: GroupNames, reference: int) -> None:
        """Send UnloadCampaign for a group."""

    def ask_status(names: GroupNames, reference: int) -> None:
        """Send GetCampaignStatus for a group.

        Raises OurError where the protocol has none: OCS's HTTP interface tells no status.
        """

    def cut_off() -> None:
        """What was sent, and may still be on its way, is not to arrive: end its connection now, and connect anew."""


class IRecordWitness(Interface):
    """Somebody who knows what no protocol tells: how many records a retrieval brought (R10)."""

    name: str = Attribute("Under which its word is kept apart from other witnesses'.")
    problem: str | None = Attribute("Why it does not count now, in an operator's words; None while it counts.")
    counts: Mapping[str, int] = Attribute("What it counted since it began, by name, for /metrics.")

    def watch(observe: Callable[[Observation], object]) -> None:
        """Begin to report Retrieved, ListStatistics, SessionWitnessed, WitnessFound and WitnessLost.

        On the reactor's thread. From WitnessFound to WitnessLost it has said all that it could know: it is believed.
        What it reports at any other time is of the past: it counts what was retrieved, and is no evidence (R14).
        """

    def stop() -> None:
        """Report no more."""


class IConfirmingWitness(IRecordWitness):
    """One that reports WitnessConfirms when it begins: it is asked before a Stop (`confirm = yes`)."""

    def ask(names: GroupNames, question: int) -> None:
        """Look anew what the group has left.

        The last ListStatistics of what is found has `answers=question`. Later questions take the place of earlier ones.
        """


class IWitnessKind(Interface):
    """Makes the witnesses of `[witness NAME]`, or `[witness NAME SOMETHING]`: found by its `name` among the plug-ins.

    `options` are those of the section: how the text of each is read (ValueError where it is wrong, with a text for
    operators), and its default, `attrs.NOTHING` where it must be given. An option `late` is for how many seconds the
    witness may be behind before it says so: it must be shorter than every settle time.
    """

    name: str = Attribute("NAME in `[witness NAME]`.")
    options: Mapping[str, tuple[Callable[[str], object], object]] = Attribute("See above.")

    def witness(name: str, values: Mapping[str, Any], reactor: Any) -> IRecordWitness:
        """The witness of one section: `name` is all that stands after `witness`, `values` has every option."""


class IGroupStore(Interface):
    """Where groups survive. What is written is a consistent prefix of what happened."""

    problem: str | None = Attribute("Why nothing can be written down now, in an operator's words; None while it can.")

    def open(forget: bool) -> Changes:
        """All that was kept, before anything else. May wait for a disk. Raises Unusable, with one line for operators.

        `forget`: what was kept is set aside, not deleted.
        """

    def watch(take: Callable[[], Changes], tell: Callable[[str | None], object]) -> None:
        """From now on `take()` gives what changed since it was last called, and `tell(problem)` is called when
        `problem` is another one. Both on the reactor's thread.
        """

    def changed() -> None:
        """Something may have changed: take it, and write it down soon. Called for every observation: must be fast."""

    def intend(group: str, step: str) -> Deferred[None]:
        """Write down that `step` (`stop` or `unload`) of a group's completion is about to be sent (R20), and all that
        changed before.

        Fires when it is durable; the request leaves only then. Fails where it could not be written: then
        nothing is sent.
        """

    def keep() -> Deferred[None]:
        """Write down all that has changed so far. Fires when it is durable, fails where it could not be written."""

    def settled(group: str) -> None:
        """The completion of the group is over, however it ended: nothing is intended any more."""

    def close() -> Deferred[None]:
        """Write down what changed last, and nothing more. Fires when that is done, or could not be done."""
