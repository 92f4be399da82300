"""The faults: one function per kind, listed in kinds.py. Each injects its fault, waits for the proof that it took
effect, and undoes it. It returns the proof or raises Unproved."""
