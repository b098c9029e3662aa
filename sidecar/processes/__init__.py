"""The processes of a recorder: what runs, who starts whom, and every descriptor they hold.

``parent`` waits and starts the others; ``warm`` has everything loaded and forks one ``session`` process
per dial-in; the shipper is ``sidecar.shipping``. They hold together by three pipes and no process ids:
the *lifeline* (its writing end lives in the parent alone, so its end means stop), and the *wake pipe*
(sessions write, the shipper reads, or the parent while there is no shipper).
"""
