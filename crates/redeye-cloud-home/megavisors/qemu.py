#!/usr/bin/env python3
"""Machines of QEMU, as the functions of qemu.yaml.

Each has a folder below that of this file: QEMU's pid file, its control socket (QMP),
its serial line as a socket and as a log. A process is ours if its command line names
that folder. Exit codes are those of the crate's documentation.
"""
import json, os, re, select, shutil, signal, socket, subprocess, sys, time

FOLDER = os.environ.get("REM_FOLDER") or os.path.dirname(os.path.abspath(__file__))
ID = os.environ.get("REM_ID", "")
NOT_FOUND, CONFLICT, INVALID, UNREACHED, FAILED = 3, 4, 64, 69, 1
# How long QEMU may take to answer on its own socket.
ANSWER_SECONDS = 3
# How long a guest that is asked to end may take within a reboot.
REBOOT_SECONDS = 45
# A kernel that says nothing within this time under KVM is run without it.
PROBE_SECONDS = 8


def fail(code, message):
    print(message, file=sys.stderr)
    sys.exit(code)


def of(name, default=""):
    return os.environ.get("REM_" + name.upper()) or default


def home():
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", ID):
        fail(NOT_FOUND, "no machine can have this name: %s" % ID)
    return os.path.join(FOLDER, "machines", ID)


def process():
    """The number of its process, if that runs."""
    try:
        with open(os.path.join(home(), "pid")) as file:
            pid = int(file.read())
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            words = file.read().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    # Numbers come back; a stranger does not name our file, and a dead one names none.
    return pid if os.path.join(home(), "pid").encode() in words else None


def qmp(*commands):
    """The answers to commands; None if QEMU does not answer."""
    os.chdir(home())  # the path of a socket may have some hundred letters only
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(ANSWER_SECONDS)
    try:
        link.connect("qmp")
        lines = link.makefile("rw")
        json.loads(lines.readline())
        answers = []
        for command in ("qmp_capabilities",) + commands:
            lines.write(json.dumps({"execute": command}) + "\n")
            lines.flush()
            while True:
                answer = json.loads(lines.readline())
                if "event" not in answer:
                    break
            if "error" in answer:
                fail(FAILED, "%s: %s" % (command, answer["error"].get("desc")))
            answers.append(answer.get("return"))
        return answers[1:]
    except (OSError, ValueError):
        return None
    finally:
        link.close()


def shown():
    if process() is None:
        return {"power": "off"}
    answers = qmp("query-status")
    if answers is None:
        # It holds its disk and its memory, so it is on, whatever it does.
        if process() is None:
            return {"power": "off"}
        return {"power": "on", "detail": "its control socket does not answer within %d s" % ANSWER_SECONDS}
    return {"power": "on", "detail": "%s, %s" % (answers[0].get("status"), remembered().get("accel", "?"))}


def remembered():
    try:
        with open(os.path.join(home(), "machine.json")) as file:
            return json.load(file)
    except (FileNotFoundError, ValueError):
        return {}


def save(path, kept):
    aside = "%s.%d" % (path, os.getpid())
    with open(aside, "w") as file:
        json.dump(kept, file)
    os.rename(aside, path)


def boots_under_kvm(program, kernel):
    """Whether a kernel says anything under KVM, which no device file can promise."""
    argv = [program, "-accel", "kvm", "-m", "128", "-M", "q35", "-nodefaults", "-no-user-config", "-display", "none",
            "-serial", "stdio", "-no-reboot", "-kernel", kernel, "-append", "console=ttyS0 earlyprintk=serial panic=-1"]
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    end, heard = time.monotonic() + PROBE_SECONDS, b""
    try:
        while time.monotonic() < end and b"Linux version" not in heard:
            if select.select([child.stdout], [], [], max(0, end - time.monotonic()))[0]:
                more = os.read(child.stdout.fileno(), 4096)
                if not more:
                    break
                heard += more
    finally:
        child.kill()
        child.wait()
    return b"Linux version" in heard


def accel(program, kernel):
    wanted = of("accel", "auto")
    if wanted in ("kvm", "tcg"):
        return wanted
    if wanted != "auto":
        fail(INVALID, "accel: expected auto, kvm or tcg: %s" % wanted)
    if not kernel or not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    with open("/proc/sys/kernel/random/boot_id") as file:
        boot = file.read().strip()
    about = os.stat(kernel)
    key = "%s %s %d %d" % (boot, os.path.realpath(kernel), about.st_mtime_ns, about.st_size)
    path = os.path.join(FOLDER, "accel.json")
    try:
        with open(path) as file:
            kept = json.load(file)
    except (FileNotFoundError, ValueError):
        kept = {}
    if key not in kept:
        # Only what was found since this computer started; others are of no use.
        kept = {old: found for old, found in kept.items() if old.startswith(boot)}
        kept[key] = "kvm" if boots_under_kvm(program, kernel) else "tcg"
        save(path, kept)
    return kept[key]


def network():
    net, mac = of("net", "none"), of("mac")
    card = "virtio-net-pci,netdev=n" + (",mac=%s" % mac if mac else "")
    if net == "none":
        return []
    if net == "user":
        return ["-netdev", "user,id=n", "-device", card]
    if not os.path.isdir("/sys/class/net/%s/bridge" % net):
        fail(INVALID, "net: expected none, user or a bridge of this computer: %s" % net)
    return ["-netdev", "bridge,id=n,br=%s" % net, "-device", card]


def file_of(parameter):
    path = of(parameter)
    if path and not os.access(path, os.R_OK):
        fail(INVALID, "%s: cannot be read: %s" % (parameter, path))
    return os.path.abspath(path) if path else ""


def start():
    if process() is not None:
        sys.exit(10)
    program = of("program", "qemu-system-x86_64")
    if not shutil.which(program):
        fail(127, "a program is missing: %s: apt-get install qemu-system-x86" % program)
    kernel, initrd, disk = file_of("kernel"), file_of("initrd"), file_of("disk")
    if not kernel and not disk:
        fail(INVALID, "%s has neither a kernel nor a disk to boot from" % ID)
    chosen = accel(program, kernel)
    where = home()
    os.makedirs(where, exist_ok=True)
    argv = [program, "-name", "guest=%s" % ID, "-accel", chosen, "-M", "q35", "-m", of("memory", "512"), "-smp", of("cpus", "1"),
            "-nodefaults", "-no-user-config", "-display", "none", "-daemonize", "-pidfile", os.path.join(where, "pid"),
            "-qmp", "unix:qmp,server=on,wait=off",
            "-chardev", "socket,id=serial,path=console,server=on,wait=off,logfile=console.log,logappend=on",
            "-serial", "chardev:serial"]
    if kernel:
        argv += ["-kernel", kernel, "-append", of("append")]
    if initrd:
        argv += ["-initrd", initrd]
    if disk:
        # A comma in a path is written twice.
        argv += ["-drive", "file=%s,format=%s,if=virtio" % (disk.replace(",", ",,"), of("format", "qcow2"))]
    done = subprocess.run(argv + network(), cwd=where, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        if process() is not None:
            sys.exit(10)
        fail(FAILED, "%s: %s" % (program, done.stderr.strip()))
    save(os.path.join(where, "machine.json"), {"accel": chosen})
    print(json.dumps({"changed": True, "note": "under %s" % chosen}))


def wait_off(seconds):
    end = time.monotonic() + seconds
    while process() is not None and time.monotonic() < end:
        time.sleep(0.05)
    return process() is None


def pull_the_plug():
    pid = process()
    if pid is None:
        return False
    if qmp("quit") is None or not wait_off(2):
        if process() == pid:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    return True


def reboot():
    if process() is None:
        fail(CONFLICT, "%s is off" % ID)
    # A guest that does not answer its power button has the plug pulled.
    if qmp("system_powerdown") is None or not wait_off(REBOOT_SECONDS):
        pull_the_plug()
        wait_off(5)
    start()


def asked(command):
    if qmp(command) is None:
        fail(UNREACHED, "the control socket of %s does not answer within %d s" % (ID, ANSWER_SECONDS))


def console():
    if process() is None:
        fail(CONFLICT, "%s is off" % ID)
    os.chdir(home())
    link = socket.socket(socket.AF_UNIX)
    link.connect("console")
    before = None
    if sys.stdin.isatty():
        import termios, tty
        before = termios.tcgetattr(0)
        print("the serial line of %s; ctrl-] leaves it" % ID)
        sys.stdout.flush()
        tty.setraw(0)
    sources = [0, link]
    try:
        while link in sources:
            for source in select.select(sources, [], [])[0]:
                data = link.recv(4096) if source is link else os.read(0, 4096)
                if not data:
                    sources.remove(source)
                elif source is link:
                    os.write(1, data)
                elif before is not None and b"\x1d" in data:
                    return
                else:
                    link.sendall(data)
    finally:
        if before is not None:
            termios.tcsetattr(0, termios.TCSADRAIN, before)


verb = sys.argv[1] if len(sys.argv) > 1 else ""
if verb == "query":
    print(json.dumps(shown()))
elif verb == "start":
    start()
elif verb == "stop":
    if process() is None:
        sys.exit(10)
    asked("system_powerdown")
elif verb == "force_stop":
    if not pull_the_plug():
        sys.exit(10)
elif verb == "reboot":
    reboot()
elif verb == "force_reboot":
    if process() is None:
        fail(CONFLICT, "%s is off" % ID)
    asked("system_reset")
elif verb == "console":
    console()
else:
    fail(INVALID, "no such function: %s" % verb)
