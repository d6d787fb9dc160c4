import os

BYTES = 32 * 1024
LINES = 100
LEVELS = {
    "DEBUG": "debug",
    "INFO": "info",
    "WARN": "warning",
    "WARNING": "warning",
    "ERROR": "error",
    "CRITICAL": "error",
    "FATAL": "error",
}


def ProcessBlock(pipe_data, block, request_state, input_data, tag=None, cwd=None, env=None, block_parent=None):
    """The end of a log file, newest line first, each with its level."""
    path = pipe_data["log_file"]
    try:
        with open(path, "rb") as log:
            log.seek(0, os.SEEK_END)
            size = log.tell()
            log.seek(max(0, size - BYTES))
            text = log.read().decode("utf-8", "replace")
    except OSError as error:
        return {"lines": [], "problem": "%s: %s" % (path, error.strerror)}
    lines = text.splitlines()
    if size > BYTES:
        # The first one may have been cut.
        lines = lines[1:]
    return {"lines": [describe(line) for line in reversed(lines[-LINES:])]}


def describe(line):
    for word in line.split()[:6]:
        level = LEVELS.get(word.strip("[]:()").upper())
        if level:
            return {"level": level, "text": line}
    return {"level": "plain", "text": line}
