"""One call from request to answer, and the loop of calls."""

# -- one call --------------------------------------------------------------

PYTHON_2 = (
    "Missing parentheses in call to",
    "multiple exception types must be parenthesized",
    "leading zeros in decimal integer literals",
    "invalid decimal literal",
    "inconsistent use of tabs",
)


def looks_like_python_2(error):
    if any(sign in (error.msg or "") for sign in PYTHON_2):
        return True
    line = error.text or ""
    return bool(re.search(
        r"^\s*(print|exec)\s+[^=(\s]|^\s*except\s+[\w.()]+\s*,\s*\w+\s*:|<>|`"
        r"|^\s*raise\s+[\w.]+\s*,|\bur['\"]|\b0[0-7]+\b|\b\d+L\b", line))


def is_file(name):
    """Not text that a script handed to eval."""
    return isinstance(name, str) and not name.startswith("<")


def describe(error):
    """What the embedding program is told about an exception."""
    if isinstance(error, NoScript):
        return {"failure": "no script", "message": str(error)}
    if isinstance(error, SyntaxError) and error.lineno and is_file(error.filename):
        hint = None
        if looks_like_python_2(error):
            hint = "this looks like Python 2; 2to3 turns most of it into Python 3"
        return {"failure": "syntax", "file": str(error.filename), "line": error.lineno,
                "message": str(error.msg), "hint": hint}
    try:
        message = str(error)
    except BaseException:
        message = "its text cannot be had"
    try:
        report = traceback.TracebackException.from_exception(error)
        chained = [report]
        for part in chained:
            part.stack[:] = [at for at in part.stack if at.filename != OURS]
            chained += [other for other in (part.__cause__, part.__context__) if other]
        text = "".join(report.format())
    except BaseException:
        text = ""
    if len(text) > TRACEBACK_MAX:
        half = TRACEBACK_MAX // 2
        text = f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"
    return {"failure": "raised", "kind": type(error).__qualname__,
            "message": message[:TRACEBACK_MAX], "traceback": text}


def changes(before, pipe_data):
    """What a script did to its pipe data: what it set, what it removed."""
    old = marshal.loads(before)
    found = {}
    for key, value in pipe_data.items():
        if key in old:
            was = old[key]
            if was is value:
                continue
            try:
                # Version 0 tells of the data alone. 1, 1.0 and True differ.
                if marshal.dumps(value, 0) == marshal.dumps(was, 0):
                    continue
            except ValueError:
                pass
        found[key] = value
    return found, [key for key in old if key not in pipe_data]


def run(request):
    """Runs one call and gives the kind and the text of the answer."""
    script = load(request["s"])
    name = request["f"]
    function = script.functions.get(name)
    if function is None:
        function = getattr(script.module, name, None)
        if not callable(function):
            return b"e", {"failure": "no function"}
        script.functions[name] = function
    positional = request["a"]
    pipe_data = positional[0] if positional else None
    before = None
    if type(pipe_data) is dict:
        before = marshal.dumps(pipe_data)
    if "w" in request:
        os.chdir(request["w"])
    if "e" in request:
        os.environ.update(request["e"])
    value = function(*positional, **request["k"])
    answer = {"same": True} if value is pipe_data and before is not None else {"value": value}
    if before is not None:
        try:
            # Equal bytes are equal data. Equal data may give other bytes, for
            # they tell of shared objects too; then it is looked at key by key.
            same = marshal.dumps(pipe_data) == before
        except ValueError:
            same = False
        if not same:
            answer["set"], answer["removed"] = changes(before, pipe_data)
    return b"v", answer


def tidy():
    """Makes the worker as it was before the call; tells what cannot be undone."""
    traces = {}
    if State.spawned:
        State.spawned = False
        traces["spawned"] = True
    if State.moved:
        State.moved = False
        chdir(base_cwd)
    if os.environ._data != base_environ:
        environ = {os.fsdecode(name): os.fsdecode(value) for name, value in base_environ.items()}
        for name in [name for name in os.environ if name not in environ]:
            del os.environ[name]
        os.environ.update(environ)
    if sys.stdout is not stdout or sys.stderr is not stderr:
        sys.stdout, sys.stderr = stdout, stderr
    if sys.path is not search_path or not search_path:
        replaced = sys.path if sys.path and type(sys.path) is list else None
        search_path[:] = replaced or [present_folder, *base_path]
        sys.path = search_path
    if _thread._count():
        traces["threads"] = True
    if stdout.parts:
        stdout.flush()
    if stderr.parts:
        stderr.flush()
    if stdout.wrote or stderr.wrote:
        stdout.wrote = stderr.wrote = False
        traces["printed"] = True
    return traces


def answer_call(text):
    request = scan(text, 0)[0]
    State.running = True
    try:
        kind, answer = run(request)
    except BaseException as error:
        if State.forked:
            leave_child()
        kind, answer = b"e", describe(error)
    if State.forked:
        leave_child()
    traces = tidy()
    answer["id"] = request["i"]
    if traces:
        answer["traces"] = traces
    try:
        out = to_text(answer)
        if len(out) > message_max:
            kind, out = b"e", {"failure": "too big", "bytes": len(out)}
    except BaseException as error:
        message = f"{type(error).__name__}: {error}"[:1000]
        kind, out = b"e", {"failure": "not json", "message": message}
    if type(out) is dict:
        out = to_text({**out, "id": request["i"], "traces": traces})
    with call_lock:
        State.running = False
    send_message(kind, out)


def serve():
    while True:
        try:
            text = receive_message()
        except (OSError, ValueError):
            return
        if text is None:
            return
        answer_call(text)


settings = scan(receive_message(), 0)[0]
message_max = settings["message_max"]
always = settings["always"]
sys.meta_path.insert(0, Injected(settings["modules"]))
base_cwd = os.getcwd()
base_environ = dict(os.environ._data)
# Not the working folder: each script has its own folder there.
del sys.path[0]
search_path = sys.path
base_path = list(search_path)
sys.argv = ["rem-script"]
at_start = set(sys.modules)
send_message(b"y", "{}")
serve()
os._exit(0)
