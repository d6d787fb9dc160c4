def ProcessBlock(pipe_data, block, request_state, input_data, tag=None, cwd=None, env=None, block_parent=None):
    """Tells whether only the part of the page that changes is wanted."""
    headers = request_state.get("headers", {})
    return {"partial": "hx-request" in headers}
