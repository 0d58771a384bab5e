"""Web desktops: the Agent API of GWS, CometD, and the custody of long polls."""
