"""One session as a state machine: what happens goes in, what to do about it comes out.

No I/O, no clock and no randomness: times are arguments, in nanoseconds since the session started.
"""
