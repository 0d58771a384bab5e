"""Every interface at which a site can plug something in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from proxy.campaign.observation import GroupNames, Observation
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


class IDialerControl(Interface):
    """A way to ask the dialer for something in the proxy's own name (`[completion] control`)."""

    name: str = Attribute("`tevents`, `direct` or `ocs-http`.")
    registered: bool = Attribute("Whether a request sent now would reach the dialer.")

    def stop(names: GroupNames, reference: int) -> None:
        """Send StopDialing for a group. `reference` comes back with the answer (R24)."""

    def unload(names: GroupNames, reference: int) -> None:
        """Send UnloadCampaign for a group."""

    def ask_status(names: GroupNames, reference: int) -> None:
        """Send GetCampaignStatus for a group."""


class IRecordWitness(Interface):
    """Somebody who knows what no protocol tells: how many records a retrieval brought (R10)."""

    name: str = Attribute("Under which its word is kept apart from other witnesses'.")

    def watch(observe: Callable[[Observation], None]) -> None:
        """Begin to report Retrieved, ListStatistics, WitnessFound and WitnessLost."""

    def stop() -> None:
        """Report no more."""


class IGroupStore(Interface):
    """Where groups survive."""

    def intend(group: str, step: str) -> Deferred[None]:
        """Write down that `step` (`stop` or `unload`) of a group's completion is about to be sent (R20).

        Fires when it is durable; the request leaves only then. Fails where it could not be written: then
        nothing is sent.
        """

    def settled(group: str) -> None:
        """The completion of the group is over, however it ended: nothing is intended any more."""
