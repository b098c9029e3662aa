"""The control side: admission, collector, audit API and command line."""
