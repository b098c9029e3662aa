"""Notifications: people hear of what needs them, through the services that Apprise knows.

``terms`` says who hears what; ``words`` makes texts harmless; ``messages`` says what is said, ``rendering``
how it looks, ``flood`` when it is too much. These do no I/O. ``receivers`` reads where notifications go,
``service`` sends one, ``delivery`` keeps trying in a thread for each receiver, ``notifier`` is what others
talk to.
"""
