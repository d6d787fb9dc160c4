from unidist import sharedcounter, sharedlock, sharedstate


def ProcessBlock(pipe_data, block, request_state, input_data, tag=None, cwd=None, env=None, block_parent=None):
    """The state of the poller."""
    delay = sharedstate.Get("dropstar_demo", "delay", 100)
    return {
        "total": sharedcounter.Get("requests"),
        "delay": delay,
        "wanted_per_second": round(1000 / delay, 1),
        "is_stopped": sharedlock.IsLocked("stop_requests"),
    }
