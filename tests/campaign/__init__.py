"""What happens to campaign groups."""
