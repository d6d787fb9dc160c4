import time

from unidist import messagequeue

KEPT = 25
CHARACTERS_MAX = 500


def ProcessBlock(pipe_data, block, request_state, input_data, tag=None, cwd=None, env=None, block_parent=None):
    """Puts a message on the wall, and shows those that are there. Reading does
    not remove them; all but the newest 25 are forgotten."""
    if request_state["method"] == "POST":
        text = str(input_data.get("message", "")).strip()[:CHARACTERS_MAX]
        if text:
            message = {"text": text, "at": time.time()}
            messagequeue.AddMessage("wall", message, keep=KEPT)
        if "hx-request" not in request_state["headers"]:
            return {"redirect": "/wall"}
    messages = messagequeue.GetMessagesNewest("wall", KEPT)
    return {"messages": [describe(message) for message in messages], "kept": KEPT}


def describe(message):
    at = time.gmtime(message["at"])
    return {"text": message["text"], "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", at)}
