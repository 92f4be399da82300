"""coupond and all that stands around it, on one machine and without containers."""
