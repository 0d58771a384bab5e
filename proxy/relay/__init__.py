"""What all TCP channels share: paired transports, frames, upstreams, limits, causes."""
