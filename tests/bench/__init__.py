"""`make bench`: Rollbook beside the in-memory scim2-server, the same requests to both in one run.

Ratios travel between machines, absolute figures do not; so each round drives both servers one
after the other, and the ratio of a round is taken before any median.
"""
