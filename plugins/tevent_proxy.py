"""What Twisted finds of the proxy: the service for twistd, and the wire formats it ships."""

from twisted.application.service import ServiceMaker
from twisted.plugin import IPlugin
from zope.interface import alsoProvides

from proxy.direct.openwire import open_wire as open_direct
from proxy.tevents.openwire import open_wire as open_tevents

service = ServiceMaker(
    "tevent-proxy",
    "proxy.service",
    "An inline proxy that completes outbound campaign groups.",
    "tevent-proxy",
)

alsoProvides(open_tevents, IPlugin)
alsoProvides(open_direct, IPlugin)
