"""The ledger: an append-only Merkle log over all that must be provable. Nothing here does I/O.

``tree`` and ``proofs`` are RFC 6962's log, ``notes`` and ``checkpoints`` the signed statements about it,
``entries`` and ``manifest`` what goes in, ``verifying`` how somebody else checks it. docs/ledger.md
describes every byte.

The tree is our own: the package that there is for Python, pymerkle, comes under the GPL, without types, and
brings its own storage and locks, while ours must live inside the stores' transactions.
"""
