"""The story of each command, without Click and without printing."""
