"""What operators watch: ``/metrics`` and ``/status``, on a listener of their own.

It is off unless ``ROLLBOOK_ADMIN_LISTEN`` names a place, asks nobody who they are, and is served by
the process that was started, not by its workers: whoever asks gets one answer about all of them.
"""
