"""coupond and the servers around it, on one machine and without containers."""
