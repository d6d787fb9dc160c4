"""Two dice. Every number in the answer becomes a graph with no further word."""

import random


def ProcessBlock(pipe_data, block, request_state, input_data, tag=None, cwd=None, env=None, block_parent=None):
    red, blue = random.randint(1, 6), random.randint(1, 6)
    return {"red": red, "blue": blue, "sum": red + blue}
