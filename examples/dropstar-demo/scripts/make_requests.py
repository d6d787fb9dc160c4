import time

from unidist import sharedcounter, sharedlock, sharedstate

BUCKET = "dropstar_demo"


def ProcessBlock(pipe_data, block, request_state, input_data, tag=None, cwd=None, env=None, block_parent=None):
    """Counts the requests that a client with this delay between them has sent
    since the last time. None while somebody holds the lock."""
    now = time.time()
    before = sharedstate.GetSet(BUCKET, "requests_at", now) or now - 1
    passed = min(max(now - before, 0), 10)
    delay = sharedstate.Get(BUCKET, "delay", 100) / 1000
    sent = 0
    if not sharedlock.IsLocked("stop_requests"):
        # What does not make a whole request yet counts for the next time.
        due = passed / delay + sharedstate.Get(BUCKET, "requests_rest", 0)
        sent = int(due)
        sharedstate.Set(BUCKET, "requests_rest", due - sent)
        sharedcounter.Increment("requests", sent)
    return {"per_second": round(sent / passed, 1) if passed else 0, "read_at": now}
