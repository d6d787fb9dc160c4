"""Locks, queues, counters and state that scripts share, served by the engine."""
