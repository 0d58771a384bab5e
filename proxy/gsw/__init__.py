"""What OCS and its clients say to each other, whatever protocol carries it. Pure."""
