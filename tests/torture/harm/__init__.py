"""What is done to the system: a function a kind of fault, called by kinds.py. Each does the harm, waits until it is
shown to have happened, and makes good again; it returns what showed it, or raises Unproved.
"""
