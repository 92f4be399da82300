"""The faults: one function for each kind, called by kinds.py. Each injects its fault, waits for the proof that it took
effect, and undoes it; it returns the proof, or raises Unproved."""
