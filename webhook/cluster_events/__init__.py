"""Cluster events: what happened to an object, where ``kubectl describe`` and ``kubectl events`` show it.

``remarks`` says what is told of an audit event and ``series`` how the same told again is one event; they do
no I/O. ``teller`` tells the API server, in a thread. Losing one loses nothing: the record is the audit event.
"""
