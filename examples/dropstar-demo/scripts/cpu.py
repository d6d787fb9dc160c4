import os
import time

from unidist import sharedstate

# Columns of the first line of /proc/stat, in clock ticks since the start.
USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL = range(8)


def ProcessBlock(pipe_data, block, request_state, input_data, tag=None, cwd=None, env=None, block_parent=None):
    """What the processors did since the last reading, in percent."""
    os.makedirs("data", exist_ok=True)
    with open("/proc/stat") as stat:
        now = [int(ticks) for ticks in stat.readline().split()[1:9]]
    before = sharedstate.GetSet("dropstar_demo", "cpu", now)
    if not before:
        before = [0] * len(now)
    spent = [max(0, new - old) for new, old in zip(now, before)]
    whole = sum(spent) or 1

    def percent(*columns):
        return round(100 * sum(spent[column] for column in columns) / whole, 1)

    return {
        "user": percent(USER, NICE),
        "system": percent(SYSTEM, IRQ, SOFTIRQ, STEAL),
        "waiting": percent(IOWAIT),
        "idle": percent(IDLE),
        "load": os.getloadavg()[0],
        "read_at": time.time(),
    }
