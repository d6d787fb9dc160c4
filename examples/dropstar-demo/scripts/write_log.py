import os
import time

from unidist import sharedcounter

PATH = "data/demo.log"
BYTES_MAX = 200000

# What a small shop could have to say; every line has its level in it.
LINES = [
    "INFO order {n} accepted",
    "INFO order {n} paid",
    "DEBUG cache holds {n} entries",
    "INFO order {n} sent",
    "WARN payment service answered after {slow} ms",
    "INFO backup done, {n} files",
    "ERROR order {n} refused: no such article",
    "DEBUG {n} sessions open",
]


def ProcessBlock(pipe_data, block, request_state, input_data, tag=None, cwd=None, env=None, block_parent=None):
    """Adds a few lines to the log of the demo."""
    os.makedirs("data", exist_ok=True)
    first = not os.path.exists(PATH) or os.path.getsize(PATH) > BYTES_MAX
    lines = []
    for _ in range(len(LINES) if first else 2):
        number = sharedcounter.GetIncrement("dropstar_demo_log")
        text = LINES[number % len(LINES)].format(n=number, slow=200 + number * 37 % 800)
        lines.append(time.strftime("%Y-%m-%d %H:%M:%S ") + text + "\n")
    # A log that has grown too long begins anew.
    with open(PATH, "w" if first else "a") as log:
        log.writelines(lines)
    return {"log_lines_written": len(lines)}
