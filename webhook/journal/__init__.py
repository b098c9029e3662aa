"""What the control side did and saw done, as audit events: PCI DSS 10.2.1 and 10.2.2.

``events`` says what an audit event is; ``journal`` is where everybody puts one. Nothing here does I/O.
"""
