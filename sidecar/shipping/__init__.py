"""From the recorder to the collector: the spool on the pod's disk and the process that ships from it.

Sessions write frames with ``spool.SpoolWriter`` before they deliver what the frames record; the shipper
(``python -m sidecar.shipping``) reads them and forgets a frame only once the collector acknowledged it.

On disk, below the spool's root::

    sessions/<session>/grant             the grant's token; flock-ed by the session's living writer
    sessions/<session>/<sequence>.frames records from that sequence number on (see ``records``)
    sessions/<session>/ended             the number after the last frame, once the record is complete
    sessions/<session>/refused           why, when the collector will never take the record
    sessions/<session>/kill              why, when somebody ordered the session to be ended
    notices/<id>                         one notice, MessagePack
"""
