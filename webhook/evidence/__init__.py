"""Evidence: a part of the record in one file that anybody can read and check, and reports.

``selection`` says what is wanted, ``window`` which part of the ledger proves it, ``bundle`` writes the file,
``checking`` checks one; ``tables``, ``requirements`` and ``reports`` say what the record shows.
docs/evidence.md describes every file. Nothing here reaches a cluster: whoever exports brings a ``source``.
"""
