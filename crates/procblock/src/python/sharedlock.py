"""Locks by name. A lock is held until somebody releases it, or the engine ends."""
import _rem


def Acquire(name, timeout=None):
    """Waits for the lock, at most timeout seconds; tells whether it has it."""
    return _rem.call("lock.acquire", [name, timeout])


def Release(name):
    """Releases the lock, whoever holds it; tells whether it was held."""
    return _rem.call("lock.release", [name])


def IsLocked(name):
    """Whether somebody holds the lock."""
    return _rem.call("lock.is_locked", [name])


def FindAllLocked(prefix=""):
    """The names of all locks that are held."""
    return _rem.call("lock.find_all_locked", [prefix])
