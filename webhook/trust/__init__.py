"""Trust material: the installation's root, its CA, serving certificates, grant-signing and sealing keys.

Secrets of the release namespace are the source of truth. The admission side makes and renews all of them;
the collector reads the few it needs. Keys are never logged.
"""
