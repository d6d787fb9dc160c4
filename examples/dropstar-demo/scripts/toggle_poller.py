from unidist import sharedlock

LOCK = "stop_requests"


def ProcessBlock(pipe_data, block, request_state, input_data, tag=None, cwd=None, env=None, block_parent=None):
    """Stops the poller by holding a lock, or lets it go on by releasing it."""
    if request_state["method"] == "POST":
        if sharedlock.IsLocked(LOCK):
            sharedlock.Release(LOCK)
        else:
            sharedlock.Acquire(LOCK, timeout=0)
    return {"redirect": "/requests"}
