"""The Kubernetes API as the servers use it: requests and replies as JSON, no generated models."""
