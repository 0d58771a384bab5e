"""What Twisted finds of the proxy: the service for twistd, and the wire formats it ships."""

from twisted.application.service import ServiceMaker
from twisted.plugin import IPlugin
from zope.interface import alsoProvides

from proxy.tevents.openwire import open_wire

service = ServiceMaker(
    "tevent-proxy",
    "proxy.service",
    "An inline proxy that completes outbound campaign groups.",
    "tevent-proxy",
)

open_tevents = open_wire
alsoProvides(open_tevents, IPlugin)
