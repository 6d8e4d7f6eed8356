"""Patience: how long a test waits for what must come: long, for where it comes that costs nothing.

A bound that a slow or busy machine can pass says nothing about the code. Only what must not come, and what is
promised within a time, is waited for shortly.
"""

PATIENCE_SECONDS = 60.0
