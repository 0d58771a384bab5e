"""The wire formats a conf file can name."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import twisted.plugins

from proxy.config import ConfigError, parse
from proxy.direct.wires import direct_wire
from proxy.errors import OurError
from proxy.tevents.openwire import open_wire
from proxy.tevents.wires import tevent_wire

PLUGIN = """
from twisted.plugin import IPlugin
from zope.interface import implementer

from proxy.direct.openwire import OpenDirectWire
from proxy.interfaces import ITEventWire, IWireFormat
from proxy.tevents.openwire import OpenTEventWire


@implementer(IPlugin)
class SiteWire(OpenTEventWire):
    name = "site"


@implementer(IPlugin)
class DirectWire(OpenDirectWire):
    name = "other"


@implementer(IPlugin, ITEventWire)
class HalfAWire:
    name = "half"
    channel = "tevents"


site, other, half = SiteWire(), DirectWire(), HalfAWire()
"""


@pytest.fixture
def plugged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A site's plug-in, where Twisted looks for plug-ins."""
    (tmp_path / "site_wire_of_the_tests.py").write_text(PLUGIN)
    monkeypatch.setattr(twisted.plugins, "__path__", [*twisted.plugins.__path__, str(tmp_path)])
    yield
    sys.modules.pop("twisted.plugins.site_wire_of_the_tests", None)


def test_the_open_format_is_built_in() -> None:
    """`wire = open` works without plug-in discovery: in containers, in editable installs."""
    assert tevent_wire("open") is open_wire


@pytest.mark.usefixtures("plugged_in")
def test_a_site_brings_its_own() -> None:
    """A wire format that a site has dropped into twisted.plugins is found by its name."""
    assert tevent_wire("site").name == "site"


@pytest.mark.usefixtures("plugged_in")
@pytest.mark.parametrize("name", ["nope", "other"])
def test_names_that_are_not_there(name: str) -> None:
    """An unknown name, or one of another channel's format, is told with those there are."""
    with pytest.raises(OurError, match=rf"'{name}' \(there are: half, open, site\)"):
        tevent_wire(name)


@pytest.mark.usefixtures("plugged_in")
def test_a_plug_in_that_lacks_something() -> None:
    """A plug-in that cannot do what a wire format must is refused before the first desktop connects."""
    with pytest.raises(OurError, match=r"the wire format 'half' cannot be used: .*header_size"):
        tevent_wire("half")


@pytest.mark.usefixtures("plugged_in")
def test_each_channel_has_formats_of_its_own() -> None:
    """A format for the direct protocol can be named in [direct], and one for T-Events cannot."""
    direct = "[direct]\nlisten = tcp:7005\nupstream = tcp:ocs1:7004\nwire = {}\n"
    assert direct_wire("other").name == "other"
    assert parse(direct.format("other")).direct is not None
    with pytest.raises(ConfigError, match=r"\[direct\] wire: .*'site' \(there are: open, other\)"):
        parse(direct.format("site"))
