"""Metrics for Prometheus: small recorders over a registry that is passed in, and how it is shown.

Labels are closed sets, or names out of the installation's own settings: no users, no namespaces, nothing of
what was asked. ``exposition`` writes the registry out; each other module holds a recorder.
"""
