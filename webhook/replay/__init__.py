"""Replay of recorded sessions: what a terminal may be shown, when, and in which file format.

Everything here is pure: events in, moments, text and lines out. Reading keys, waiting and writing to a
terminal happen in the command line.
"""
