"""Samples of a series, handed to what the engine stores series with."""
import _rem


def Store(name, values, occurred=None, interval=5):
    """Stores the values (field -> number) of a series, now or at a time."""
    return _rem.call("timeseries.store", [name, values, occurred, interval])


Push = Store
