"""The record, read through the Kubernetes API: ``audit.chaperone.dev`` behind the API server's aggregator.

Identity, authentication and RBAC are the API server's own; here its word is checked (front-proxy client
certificate) and requests are answered from the store. Objects, tables, selectors and discovery are pure.
"""
