"""The servers: settings in, HTTPS out. Shells around the doors, the collector and the audit API."""
