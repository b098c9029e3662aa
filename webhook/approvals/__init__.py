"""Approval requests: what is asked, who may decide, what an approval is good for, and where they are kept.

``lifecycle``, ``asking`` and ``subjects`` do no I/O, and clocks are passed in. ``tickets`` is the shell that
keeps the objects in the API server.
"""
