#!/usr/bin/env python3
"""Containers of LXC, as the functions of lxc.yaml.

A container is what LXC says it is: a folder with a `config` below REM_PATH. What LXC
has no place for (name, tags, protection) is in `rem.json` beside it. Exit codes are
those of the crate's documentation.
"""
import concurrent.futures, json, os, re, shutil, subprocess, sys, time

PATH = os.environ.get("REM_PATH") or "/var/lib/lxc"
IMAGES = os.environ.get("REM_IMAGES") or os.path.join(PATH, ".images")
BRIDGE = os.environ.get("REM_BRIDGE", "")
NOT_FOUND, CONFLICT, INVALID, UNREACHED, DENIED, FAILED = 3, 4, 64, 69, 77, 1
# A stopped first process that asks nicely is waited for so long before the plug is pulled.
REBOOT_SECONDS = 30
ANSWER_SECONDS = 8
STATES = {"RUNNING": ("on", "active"), "STOPPED": ("off", "stopped"), "STARTING": ("on", "provisioning"),
          "STOPPING": ("on", "stopping"), "ABORTING": ("on", "stopping"), "FREEZING": ("on", "active"),
          "FROZEN": ("on", "active"), "THAWED": ("on", "active")}
APPLETS = ("sh", "sleep", "httpd", "hostname", "cat", "ls", "ps", "kill", "mount", "ip", "udhcpc", "wget")
INIT = """#!/bin/sh
# The first process of a container: a page on port 80, until it is told to end.
trap 'kill $served 2>/dev/null; exit 0' TERM PWR INT
ip link set lo up
mkdir -p /www
hostname >/www/index.html
httpd -f -p 80 -h /www &
served=$!
while :; do sleep 3600 & wait $!; done
"""


def fail(code, message):
    print(message, file=sys.stderr)
    sys.exit(code)


def run(*argv, seconds=None):
    """What a program said; TimeoutExpired after so many seconds."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        fail(127, "a program is missing: %s: apt-get install lxc" % argv[0])


def must(*argv, seconds=None):
    done = run(*argv, seconds=seconds)
    if done.returncode:
        message = (done.stderr or done.stdout).strip()
        fail(DENIED if "ermission denied" in message else FAILED, "%s: %s" % (" ".join(argv), message))
    return done.stdout


def folder(id, *names):
    # What is no plain name would lead out of the folder of the containers.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", id):
        fail(NOT_FOUND, "no container can have this name: %s" % id)
    return os.path.join(PATH, id, *names)


def exists(id):
    return os.path.isfile(folder(id, "config"))


def there(id):
    if not exists(id):
        fail(NOT_FOUND, "there is no such container in %s: %s" % (PATH, id))
    return id


def state(id):
    done = run("lxc-info", "-P", PATH, "-n", id, "-s", "-H", seconds=ANSWER_SECONDS)
    # Neither on nor off: it may have gone away meanwhile.
    return done.stdout.strip() if done.returncode == 0 else (done.stderr or done.stdout).strip()


def is_on(id):
    try:
        return state(id) != "STOPPED"
    except subprocess.TimeoutExpired:
        fail(UNREACHED, "LXC does not answer for %s within %d s" % (id, ANSWER_SECONDS))


def note(id):
    try:
        with open(folder(id, "rem.json")) as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def save(where, kept):
    aside = os.path.join(where, ".rem.json.%d" % os.getpid())
    with open(aside, "w") as file:
        json.dump(kept, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(aside, os.path.join(where, "rem.json"))


def shown(id):
    try:
        word = state(id)
        power, lifecycle = STATES.get(word, ("unknown", "active"))
    except subprocess.TimeoutExpired:
        # One that does not answer must not hide the others.
        word, power, lifecycle = "LXC does not answer within %d s" % ANSWER_SECONDS, "unknown", "lost"
    kept = note(id)
    one = {"id": id, "name": kept.get("name"), "power": power, "lifecycle": lifecycle, "detail": word.lower(),
           "image": kept.get("image"), "protected": kept.get("protected", False), "tags": kept.get("tags", {}),
           "created": kept.get("created"), "version": 1}
    if power == "on":
        try:
            told = run("lxc-info", "-P", PATH, "-n", id, "-i", "-H", seconds=ANSWER_SECONDS)
            one["private_addresses"] = told.stdout.split() if told.returncode == 0 else []
        except subprocess.TimeoutExpired:
            pass  # the addresses are not known this time
    return {key: value for key, value in one.items() if value is not None}


def every():
    try:
        names = sorted(os.listdir(PATH))
    except FileNotFoundError:
        return []
    except PermissionError as why:
        fail(DENIED, "cannot list the containers: %s" % why)
    return [name for name in names if not name.startswith(".") and os.path.isfile(os.path.join(PATH, name, "config"))]


def busybox(root):
    """A root file system of one program; its libraries come along if it needs any."""
    program = shutil.which("busybox") or fail(127, "busybox is missing: apt-get install busybox")
    for name in ("bin", "sbin", "proc", "sys", "dev", "etc", "tmp", "www"):
        os.makedirs(os.path.join(root, name), exist_ok=True)
    shutil.copy2(program, os.path.join(root, "bin/busybox"))
    for applet in APPLETS:
        os.symlink("busybox", os.path.join(root, "bin", applet))
    for word in run("ldd", program).stdout.split():
        if word.startswith("/"):
            copy = os.path.join(root, word[1:])
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copy2(os.path.realpath(word), copy)
    with open(os.path.join(root, "sbin/init"), "w") as file:
        file.write(INIT)
    os.chmod(os.path.join(root, "sbin/init"), 0o755)


def config(id):
    # `always` unlike the default also where the first process is not init as LXC knows it.
    lines = ["lxc.uts.name = %s" % id, "lxc.rootfs.path = dir:%s" % folder(id, "rootfs"),
             "lxc.mount.auto = proc:mixed sys:ro", "lxc.init.cmd = /sbin/init",
             "lxc.signal.halt = SIGTERM", "lxc.apparmor.profile = unconfined"]
    if BRIDGE:
        lines += ["lxc.net.0.type = veth", "lxc.net.0.link = %s" % BRIDGE, "lxc.net.0.flags = up"]
    else:
        lines += ["lxc.net.0.type = empty"]
    return "\n".join(lines) + "\n"


def request(op, action):
    id = "c-%s" % op[-10:].lower()
    if not exists(id):
        image = action.get("image") or "busybox"
        source = os.path.join(IMAGES, image)
        if image != "busybox" and (os.sep in image or image.startswith(".") or not os.path.isdir(source)):
            fail(INVALID, "there is no such image: %s (busybox, or a folder in %s)" % (image, IMAGES))
        os.makedirs(PATH, exist_ok=True)
        # Aside first: half a container is none.
        aside = os.path.join(PATH, ".new-%s" % id)
        shutil.rmtree(aside, ignore_errors=True)
        os.makedirs(aside)
        if image == "busybox":
            busybox(os.path.join(aside, "rootfs"))
        else:
            must("cp", "-a", "--reflink=auto", source, os.path.join(aside, "rootfs"))
        with open(os.path.join(aside, "config"), "w") as file:
            file.write(config(id))
        tags = dict(action.get("tags") or {}, **{"rem:op": op})
        save(aside, {"name": action.get("name"), "image": image, "tags": tags,
                     "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                     "protected": bool(action.get("protected"))})
        os.rename(aside, folder(id))
    if not is_on(id):
        start(id)
    print(json.dumps({"ids": [id], "changed": True}))


def start(id):
    if is_on(id):
        sys.exit(10)
    log = folder(id, "start.log")
    done = run("lxc-start", "-P", PATH, "-n", id, "-o", log, "-l", "WARN")
    if done.returncode:
        try:
            with open(log) as file:
                lines = [line.strip() for line in file if "ERROR" in line]
        except FileNotFoundError:
            lines = []
        fail(FAILED, "lxc-start of %s: %s" % (id, "\n".join(lines[-5:]) or done.stderr.strip()))


def stop(id, force):
    if not is_on(id):
        return False
    done = run("lxc-stop", "-P", PATH, "-n", id, *(["-k"] if force else ["--nowait"]))
    if done.returncode and is_on(id):
        fail(FAILED, "lxc-stop of %s: %s" % (id, done.stderr.strip()))
    return True


def reboot(id, force):
    if not is_on(id):
        fail(CONFLICT, "%s is off" % id)
    # It asks, waits, and pulls the plug by itself.
    must("lxc-stop", "-P", PATH, "-n", id, *(["-k"] if force else ["-t", str(REBOOT_SECONDS)]))
    start(id)


def terminate(id):
    if not exists(id):
        sys.exit(10)
    if note(id).get("protected"):
        fail(CONFLICT, "%s is protected" % id)
    if is_on(id):
        must("lxc-stop", "-P", PATH, "-n", id, "-k")
    # Aside first: half a container is none.
    gone = os.path.join(PATH, ".gone-%s" % id)
    os.rename(folder(id), gone)
    shutil.rmtree(gone)


def images():
    names = ["busybox"]
    if os.path.isdir(IMAGES):
        names += sorted(name for name in os.listdir(IMAGES) if os.path.isdir(os.path.join(IMAGES, name)))
    return [{"id": name, "name": name, "state": "available", "platform": "linux"} for name in names]


def main():
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    id = os.environ.get("REM_ID", "")
    line = sys.stdin.readline()
    told = json.loads(line) if line.strip() else {}
    op, action = told.get("op", ""), told.get("action", {})
    if verb == "query":
        print(json.dumps(shown(there(id))))
    elif verb == "list_instances":
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            print(json.dumps(list(pool.map(shown, every()))))
    elif verb == "list_images":
        print(json.dumps(images()))
    elif verb == "request":
        request(op, action)
    elif verb == "start":
        start(there(id))
    elif verb in ("stop", "force_stop"):
        if not stop(there(id), verb == "force_stop"):
            sys.exit(10)
    elif verb in ("reboot", "force_reboot"):
        reboot(there(id), verb == "force_reboot")
    elif verb == "protect":
        kept = note(there(id))
        if kept.get("protected", False) == action["on"]:
            sys.exit(10)
        save(folder(id), dict(kept, protected=action["on"]))
    elif verb == "terminate":
        terminate(id)
    else:
        fail(INVALID, "no such function: %s" % verb)


main()
