"""Values by bucket and key."""
import _rem


def Set(bucket, key, value):
    """Stores a value."""
    return _rem.call("state.set", [bucket, key, value])


def Get(bucket, key, default=None):
    """The value, or the default."""
    found, value = _rem.call("state.get", [bucket, key])
    return value if found else default


def GetSet(bucket, key, value):
    """Stores a value and gives the one before."""
    return _rem.call("state.get_set", [bucket, key, value])


def Delete(bucket, key):
    """Removes a value; tells whether there was one."""
    return _rem.call("state.delete", [bucket, key])


def Keys(bucket):
    """The keys of a bucket."""
    return _rem.call("state.keys", [bucket])
