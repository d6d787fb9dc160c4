"""Modules that can be imported: injected ones, scripts, and their own."""

# -- modules that come from the embedding program --------------------------

class Rem(types.ModuleType):
    """Calls into the program that runs this script."""

    class Error(Exception):
        """The answer to a call was an error."""


rem = Rem("_rem")
call_lock = _thread.allocate_lock()


def call(function, arguments=None):
    """Asks the embedding program; returns its answer or raises _rem.Error."""
    text = to_text({"function": function, "arguments": arguments})
    if len(text) > message_max:
        raise Rem.Error(f"a call of {len(text)} bytes is above the limit of {message_max} bytes")
    with call_lock:
        if State.forked or not State.running:
            raise Rem.Error("only a running script can call, not what it left behind")
        send_message(b"c", text)
        answer = receive_message()
    if answer is None:
        os._exit(0)
    answer = scan(answer, 0)[0]
    if "error" in answer:
        raise Rem.Error(answer["error"])
    return answer["value"]


rem.call = call
rem.Error = Rem.Error
sys.modules["_rem"] = rem


class Injected:
    """Finds and loads the modules that the embedding program gave."""

    def __init__(self, modules):
        self.sources = dict(modules)
        for name in list(self.sources):
            while "." in name:
                name = name.rpartition(".")[0]
                self.sources.setdefault(name, "")

    def find_spec(self, name, path=None, target=None):
        if name not in self.sources:
            return None
        from importlib.machinery import ModuleSpec
        package = any(other.startswith(name + ".") for other in self.sources)
        spec = ModuleSpec(name, self, origin=f"injected:{name}", is_package=package)
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        name = module.__name__
        # A name in angle brackets would keep its lines out of tracebacks.
        module.__file__ = f"injected:{name}"
        exec(compile(self.sources[name], module.__file__, "exec"), module.__dict__)

    def get_source(self, name):
        return self.sources[name]


# -- scripts ---------------------------------------------------------------

class Script:
    __slots__ = ("stamp", "module", "folder", "functions")


scripts = {}
serial = 0
# Modules that scripts imported from their own folder are theirs alone: two
# folders may each have their util.py.
own_modules = {}   # folder -> {name: (module, path, stamp)}
present_folder = None
modules_seen = 0


class NoScript(Exception):
    pass


def stamp_of(path):
    seen = os_stat(path)
    return seen.st_mtime_ns, seen.st_size, seen.st_ino


os_stat = os.stat


def enter_folder(folder):
    """Makes the modules of one folder the importable ones."""
    global present_folder, modules_seen
    if folder != present_folder:
        note_own_modules()
        for name in own_modules.get(present_folder, ()):
            sys.modules.pop(name, None)
        for name, (module, _, _) in own_modules.get(folder, {}).items():
            sys.modules[name] = module
        # Scripts may have put folders before their own; those stay.
        if present_folder in search_path:
            search_path.remove(present_folder)
        search_path.insert(0, folder)
        present_folder = folder
        own_modules.setdefault(folder, {})
        modules_seen = len(sys.modules)


def note_own_modules():
    """Remembers which modules came from the present folder."""
    global modules_seen
    if len(sys.modules) == modules_seen or present_folder is None:
        return
    modules_seen = len(sys.modules)
    own = own_modules.setdefault(present_folder, {})
    inside = present_folder + os.sep
    for name, module in list(sys.modules.items()):
        if name in own or name.startswith("_script_"):
            continue
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and path.startswith(inside) and name not in at_start:
            try:
                own[name] = module, path, stamp_of(path)
            except OSError:
                pass


def own_modules_changed(folder):
    own = own_modules.get(folder)
    if not own:
        return False
    for _, path, stamp in own.values():
        try:
            if stamp_of(path) != stamp:
                return True
        except OSError:
            return True
    return False


def forget_folder(folder):
    """Has everything of a folder imported anew."""
    for name in own_modules.pop(folder, {}):
        sys.modules.pop(name, None)
    for path in [path for path, script in scripts.items() if script.folder == folder]:
        sys.modules.pop(scripts.pop(path).module.__name__, None)
    own_modules[folder] = {}


def load(path):
    """The script of this path, imported anew if it has changed."""
    global serial
    full = path if path[0] == "/" else os.path.join(base_cwd, path)
    try:
        stamp = stamp_of(full)
    except OSError as error:
        raise NoScript(str(error)) from None
    script = scripts.get(path)
    if script is not None:
        # The usual case first, in as few steps as can be.
        if (script.stamp == stamp and script.folder == present_folder and not always
                and len(sys.modules) == modules_seen and not own_modules[present_folder]):
            return script
        note_own_modules()
        changed = own_modules_changed(script.folder)
        if script.stamp == stamp and not changed and not always:
            enter_folder(script.folder)
            return script
        if changed or always:
            forget_folder(script.folder)
        else:
            sys.modules.pop(scripts.pop(path).module.__name__, None)
    try:
        with open(full, "rb") as file:
            source = file.read()
    except OSError as error:
        raise NoScript(str(error)) from None
    script = Script()
    script.stamp = stamp
    script.folder = os.path.dirname(full)
    script.functions = {}
    stem = os.path.splitext(os.path.basename(full))[0]
    serial += 1
    module = script.module = types.ModuleType(f"_script_{serial}_{stem}")
    module.__file__ = full
    module.__builtins__ = builtins
    enter_folder(script.folder)
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, full, "exec", dont_inherit=True), module.__dict__)
    except BaseException:
        sys.modules.pop(module.__name__, None)
        raise
    finally:
        note_own_modules()
    scripts[path] = script
    return script
