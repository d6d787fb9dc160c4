"""Numbers by name that many count on at once; a new one is 0."""
import _rem


def Get(name):
    """The value."""
    return _rem.call("counter.get", [name])


def Set(name, value=0):
    """Sets the value."""
    return _rem.call("counter.set", [name, value])


def GetSet(name, value=0):
    """Sets the value and gives the one before."""
    return _rem.call("counter.get_set", [name, value])


def Increment(name, value=1):
    """Adds to the value."""
    _rem.call("counter.add", [name, value])


def GetIncrement(name, value=1):
    """Adds to the value and gives the sum."""
    return _rem.call("counter.add", [name, value])


def Decrement(name, value=1):
    """Takes from the value."""
    _rem.call("counter.add", [name, -value])
