"""The store for many collectors and for analysts: OpenSearch 2.19 or newer.

What is kept where, and under which field names, is in docs/store.md.
"""
