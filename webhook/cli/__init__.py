"""The command line, for people and programs that have a kubeconfig and nothing else.

Commands are thin: they read options, ask the audit API and print. What takes long to import is imported
where it is used, so that help comes at once.
"""
