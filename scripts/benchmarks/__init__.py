"""Benchmarks: each module measures one thing and gives its figures as plain numbers."""
