"""Intake of the record: recorders' connections in, stored and acknowledged frames out.

``intake`` and what it uses judge without I/O; ``route`` holds the WebSockets and ``writer`` the one
thread that writes to the store.
"""
