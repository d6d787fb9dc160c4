"""Lines for the log of the engine."""
import _rem


def log(text, *more, **_):
    """Logs a line."""
    _rem.call("log", [" ".join(str(part) for part in (text,) + more)])


Log = log
