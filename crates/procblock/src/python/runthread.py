"""The run threads of the engine."""
import _rem


def Get(name):
    """What is known of a thread, None if there is none of that name."""
    return _rem.call("thread.get", [name])


def Names():
    """The names of all threads."""
    return _rem.call("thread.names", [])
