"""What happens to campaign groups. Pure: no I/O, no Twisted, no clock of its own."""
