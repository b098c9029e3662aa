"""The record kept: one contract, an embedded SQLite store and an OpenSearch store under the same tests.

Only the collector writes, through ``contract.Store``; readers of the record use the same contract.
"""
