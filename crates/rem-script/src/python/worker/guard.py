"""What scripts print and start is watched here."""

# -- what scripts print ----------------------------------------------------

class Printed(io.TextIOBase):
    """Standard output or error of scripts: whole lines go to the pipe at
    once, so that they are not lost when the worker is killed."""

    class Bytes(io.RawIOBase):
        """The `buffer` of such a stream."""

        def __init__(self, stream):
            self.stream = stream

        def writable(self):
            return True

        def write(self, data):
            self.stream.flush()
            self.stream.write_bytes(bytes(data))
            return len(data)

        def fileno(self):
            return self.stream.fileno()

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, fd):
        self.shown_fd = fd
        self.fd = os.dup(fd)
        self.parts = []
        self.wrote = False
        self.buffer = Printed.Bytes(self)

    def writable(self):
        return True

    def fileno(self):
        return self.shown_fd

    def close(self):
        self.flush()

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.parts.append(text)
        if "\n" in text or len(self.parts) > 64:
            self.flush()
        return len(text)

    def flush(self):
        if self.parts:
            text = "".join(self.parts)
            self.parts.clear()
            self.write_bytes(text.encode("utf-8", "backslashreplace"))

    def write_bytes(self, data):
        self.wrote = True
        while data:
            data = data[os.write(self.fd, data):]


stdout = sys.stdout = sys.__stdout__ = Printed(1)
stderr = sys.stderr = sys.__stderr__ = Printed(2)


# -- processes that scripts start ------------------------------------------

class State:
    running = False  # a call is running
    spawned = False  # it started a process
    forked = False   # this is a process that a script forked
    moved = False    # it changed the working folder


def in_child():
    State.forked = True
    stdout.parts.clear()
    stderr.parts.clear()
    channel.close()


def noting(function, name):
    """The same function, and a note in the state when it is called."""
    def noted(*args, **kwargs):
        setattr(State, name, True)
        return function(*args, **kwargs)
    noted.__name__ = function.__name__
    noted.__doc__ = function.__doc__
    return noted


def watch_processes():
    import _posixsubprocess
    os.register_at_fork(
        before=lambda: setattr(State, "spawned", True), after_in_child=in_child)
    _posixsubprocess.fork_exec = noting(_posixsubprocess.fork_exec, "spawned")
    for name in ("system", "posix_spawn", "posix_spawnp"):
        setattr(os, name, noting(getattr(os, name), "spawned"))
    for name in ("chdir", "fchdir"):
        setattr(os, name, noting(getattr(os, name), "moved"))


chdir = os.chdir
watch_processes()


def leave_child():
    """Ends a forked process that came back from the script as if it were the
    worker."""
    status = 0
    error = sys.exc_info()[1]
    try:
        if isinstance(error, SystemExit):
            code = error.code
            status = code if isinstance(code, int) else 0 if code is None else 1
        elif error is not None:
            status = 1
            sys.excepthook(type(error), error, error.__traceback__)
        stdout.flush()
        stderr.flush()
    finally:
        os._exit(status & 255)
