"""The inside of a warm worker: receives calls on a socket, runs functions of
Python files, and sends back what they returned.

The names `channel` and `receive` are there already. What scripts can see of
all this is the module `_rem` alone."""

import _thread
import builtins
import io
import json
import marshal
import os
import re
import sys
import traceback
import types
from json.encoder import c_make_encoder, encode_basestring_ascii
from json.scanner import c_make_scanner

HEADER = 5
TRACEBACK_MAX = 64 * 1024  # characters
OURS = "<rem-script worker>"


# -- the channel -----------------------------------------------------------

def settle_channel():
    """Takes the channel off standard input, out of the way of scripts that
    close or reuse low descriptors."""
    global channel
    import fcntl
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    fd = fcntl.fcntl(channel.fileno(), fcntl.F_DUPFD_CLOEXEC, 200)
    channel.close()
    channel = type(channel)(fileno=fd)


settle_channel()
inbox = bytearray(64 * 1024)
view = memoryview(inbox)


def receive_message():
    """The JSON text of the next message, or None at the end of the channel."""
    filled = channel.recv_into(inbox)
    if not filled:
        return None
    while filled < HEADER:
        read = channel.recv_into(view[filled:])
        if not read:
            return None
        filled += read
    end = int.from_bytes(view[:4], "little") + 4
    if filled == end:
        return str(view[HEADER:end], "utf-8")
    big = bytearray(end)
    room = memoryview(big)
    room[:filled] = view[:filled]
    while filled < end:
        read = channel.recv_into(room[filled:])
        if not read:
            return None
        filled += read
    return str(room[HEADER:end], "utf-8")


def send_message(kind, text):
    body = text.encode("ascii")
    channel.sendall((len(body) + 1).to_bytes(4, "little") + kind + body)


# -- JSON ------------------------------------------------------------------

def plain(value):
    """What stands in JSON for a value that JSON does not have."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, (set, frozenset)):
        return list(value)
    return str(value)


def finite(value):
    """The same without NaN and infinities, which JSON does not have either."""
    if isinstance(value, float):
        return value if value - value == 0.0 else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [finite(item) for item in value]
    return value


scan = c_make_scanner(json.JSONDecoder())
encode = c_make_encoder(
    None, plain, encode_basestring_ascii, None, ":", ",", False, False, False)


# An escaped backslash, a pair of surrogates, or one without the other.
SURROGATES = re.compile(
    r"\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|\\ud[89a-f][0-9a-f]{2}")


def whole(match):
    return "\\ufffd" if len(match[0]) == 6 else match[0]


def to_text(value):
    try:
        text = "".join(encode(value, 0))
    except ValueError:
        text = "".join(encode(finite(value), 0))
    # Half a surrogate pair, as in the name of an odd file, is not JSON.
    return SURROGATES.sub(whole, text) if "\\ud" in text else text
