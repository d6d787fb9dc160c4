"""Writes every message to messages.log, one line each: a way to tell somebody that
is easy to look at. The message comes as JSON on stdin; exit 0 says it was taken."""
import json
import sys

message = json.load(sys.stdin)
with open("messages.log", "a", encoding="utf-8") as log:
    log.write(f"{message['kind']}: {message['subject']}\n")
