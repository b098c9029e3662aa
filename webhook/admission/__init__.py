"""The doors that admission control guards: one module per door, a review in, an answer out.

Doors do no I/O of their own. What they must know of the cluster comes in through ``lookup.PodLookup``,
keys, clock and randomness through ``grants.Granter``. Shells around them live in ``webhook.server``.
"""
