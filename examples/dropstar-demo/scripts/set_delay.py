from unidist import sharedstate

LEAST, MOST = 10, 1000


def ProcessBlock(pipe_data, block, request_state, input_data, tag=None, cwd=None, env=None, block_parent=None):
    """Keeps the position of the slider."""
    if request_state["method"] != "POST":
        return {"redirect": "/requests"}
    try:
        delay = int(input_data.get("delay", ""))
    except ValueError:
        return {"status": 400, "output": "the delay is a number of milliseconds"}
    delay = min(max(delay, LEAST), MOST)
    sharedstate.Set("dropstar_demo", "delay", delay)
    # The page itself is already as it should be.
    if "hx-request" in request_state["headers"]:
        return {"status": 204, "output": ""}
    return {"redirect": "/requests"}
