"""Queues of messages by name."""
import _rem


def AddMessage(queue, message, keep=None):
    """Adds a message at the end; with keep, only that many of the newest stay."""
    return _rem.call("queue.add", [queue, message, keep])


def GetMessageOldest(queue, remove=True):
    """Takes the oldest message, None if there is none."""
    return _one(_rem.call("queue.oldest", [queue, 1, remove]))


def GetMessageNewest(queue, remove=True):
    """Takes the newest message, None if there is none."""
    return _one(_rem.call("queue.newest", [queue, 1, remove]))


def PeekMessageOldest(queue):
    """The oldest message, which stays."""
    return GetMessageOldest(queue, remove=False)


def PeekMessageNewest(queue):
    """The newest message, which stays."""
    return GetMessageNewest(queue, remove=False)


def GetMessages(queue, count=None):
    """Messages from the oldest on, which stay."""
    return _rem.call("queue.oldest", [queue, count, False])


def GetMessagesNewest(queue, count=None):
    """Messages from the newest on, which stay."""
    return _rem.call("queue.newest", [queue, count, False])


def Count(queue):
    """How many messages there are."""
    return _rem.call("queue.count", [queue])


GetMessageCount = Count


def _one(messages):
    return messages[0] if messages else None
