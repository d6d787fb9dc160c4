#!/usr/bin/env python3
"""Load balancers of HAProxy, as the functions of haproxy.yaml.

Each has a folder: what is wanted of it in `lb.json`, from which `haproxy.cfg` is made,
and HAProxy's own pid file and sockets. HAProxy runs as a master with a worker that a
reload replaces; the new worker gets the listening sockets of the old one, and what it
knew of its members' health.
"""
import csv, fcntl, hashlib, io, json, os, pwd, re, shutil, signal, socket, subprocess, sys, time

FOLDER = os.environ.get("REM_FOLDER") or os.path.dirname(os.path.abspath(__file__))
NOT_FOUND, CONFLICT, INVALID, BEGUN, FAILED = 3, 4, 64, 11, 1
ANSWER_SECONDS = 3
RELOAD_SECONDS = 10
HTTP = ("http",)
RAW = ("tcp", "tls", "https")


def fail(code, message):
    print(message, file=sys.stderr)
    sys.exit(code)


def path(id, *names):
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", id):
        fail(NOT_FOUND, "no load balancer can have this id: %s" % id)
    return os.path.join(FOLDER, "lbs", id, *names)


def load(id):
    try:
        with open(path(id, "lb.json")) as file:
            return json.load(file)
    except FileNotFoundError:
        fail(NOT_FOUND, "there is no such load balancer: %s" % id)


def write(name, text):
    aside = "%s.%d" % (name, os.getpid())
    with open(aside, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.rename(aside, name)


def one_at_a_time(id):
    file = open(path(id, "lock"), "w")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def seconds(text, name):
    found = re.fullmatch(r"(\d+)(ms|s|m)", text)
    if not found:
        fail(INVALID, "%s: expected a time such as 500ms, 1s or 2m: %s" % (name, text))
    return int(found.group(1)) * {"ms": 0.001, "s": 1, "m": 60}[found.group(2)]


# --- the process


def master(id):
    """The number of the master's process, if that runs."""
    try:
        with open(path(id, "pid")) as file:
            pid = int(file.read().split()[0])
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            words = file.read().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):
        return None
    return pid if path(id, "haproxy.cfg").encode() in words else None


def ask(id, name, command):
    """What a socket of HAProxy answers; None if it does not."""
    os.chdir(path(id))  # the path of a socket may have some hundred letters only
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(ANSWER_SECONDS)
    try:
        link.connect(name)
        link.sendall(command.encode() + b"\n")
        link.shutdown(socket.SHUT_WR)  # the master waits for another command else
        heard = b""
        while True:
            more = link.recv(65536)
            if not more:
                return heard.decode(errors="replace")
            heard += more
    except OSError:
        return None
    finally:
        link.close()


def worker(id):
    """The number of the worker that takes new connections."""
    told = ask(id, "master", "show proc")
    current = (told or "").partition("# workers")[2].partition("# old workers")[0]
    numbers = re.findall(r"^(\d+)\s+worker", current, re.M)
    return int(numbers[0]) if numbers else None


def until(what, limit):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def take_over(lb):
    """Makes HAProxy do what is wanted: checked first, then started or reloaded."""
    id = lb["id"]
    if not shutil.which("haproxy"):
        fail(127, "a program is missing: haproxy: apt-get install haproxy")
    os.chdir(path(id))
    new, config = path(id, "new.cfg"), path(id, "haproxy.cfg")
    write(new, rendered(lb))
    checked = subprocess.run(["haproxy", "-c", "-f", new], capture_output=True, text=True)
    if checked.returncode:
        fail(INVALID, "haproxy refuses the configuration: %s" % (checked.stderr + checked.stdout).strip())
    pid = master(id)
    # What is known of the members' health outlives the worker that found it out.
    states = ask(id, "run", "show servers state") if pid else None
    write(path(id, "state"), states or "1\n")
    os.rename(new, config)
    if pid is None:
        argv = ["haproxy", "-W", "-D", "-S", "unix@master,mode,600", "-p", path(id, "pid"), "-f", config]
        begun = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if begun.returncode:
            fail(FAILED, "haproxy: %s" % begun.stderr.strip())
        well = until(lambda: master(id) and ask(id, "run", "show info") and worker(id), RELOAD_SECONDS)
    else:
        before = worker(id)
        os.kill(pid, signal.SIGUSR2)
        well = until(lambda: worker(id) not in (None, before), RELOAD_SECONDS)
    if not well:
        fail(FAILED, "haproxy did not take the configuration over within %d s" % RELOAD_SECONDS)


def rendered(lb):
    lines = ["# Written by redeye-cloud; changes by hand are lost.", "global",
             "    stats socket unix@run mode 600 level admin expose-fd listeners",
             "    server-state-file ./state", "    hard-stop-after 2m", "    maxconn 4000"]
    if os.geteuid() == 0 and has_user("haproxy"):
        lines += ["    user haproxy", "    group haproxy"]
    lines += ["defaults", "    timeout connect 3s", "    timeout client 1m", "    timeout server 1m",
              "    retries 3", "    option redispatch 1", "    load-server-state-from-file global",
              "    default-server inter %s fall 2 rise 2" % lb["interval"]]
    for listener in lb["listeners"]:
        mode = "http" if listener["protocol"] in HTTP else "tcp"
        bind = lb["bind"] if ":" not in lb["bind"] else "[%s]" % lb["bind"]
        lines += ["frontend f%d" % listener["port"], "    mode %s" % mode,
                  "    bind %s:%d" % (bind, listener["port"]), "    default_backend b%d" % listener["port"],
                  "backend b%d" % listener["port"], "    mode %s" % mode, "    balance roundrobin"]
        if lb["check"]:
            lines += ["    option httpchk GET %s" % lb["check"]]
        if mode == "http":
            lines += ["    option forwardfor", "    retry-on conn-failure empty-response"]
        for member in lb["members"]:
            address = member["address"] if ":" not in member["address"] else "[%s]" % member["address"]
            weight = " weight 0" if member.get("draining") else ""
            lines += ["    # %s" % member["instance"], "    server %s %s:%d check%s" % (
                label(member), address, member.get("port") or listener["target_port"], weight)]
    return "\n".join(lines) + "\n"


def has_user(name):
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False


def label(member):
    """Another address or port is another server: what was known of the old one is void."""
    about = json.dumps([member["instance"], member["address"], member.get("port")])
    return "m" + hashlib.sha256(about.encode()).hexdigest()[:12]


# --- what is asked


def statistics(id):
    """By backend and server, what HAProxy says of it; None if it says nothing."""
    told = ask(id, "run", "show stat") if master(id) else None
    if told is None:
        return None
    rows = csv.DictReader(io.StringIO(told.lstrip("# ")))
    return {(row["pxname"], row["svname"]): row for row in rows}


def is_so(lb):
    """Whether HAProxy has taken over what is wanted: who wrote that down may have died."""
    stats = statistics(lb["id"])
    if stats is None:
        return False
    there = {key for key in stats if key[0].startswith("b") and key[1] != "BACKEND"}
    return there == {("b%d" % listener["port"], label(one)) for listener in lb["listeners"] for one in lb["members"]}


def health(lb, member, stats):
    if stats is None:
        return "unknown", "haproxy does not answer" if master(lb["id"]) else "haproxy does not run"
    if member.get("draining"):
        return "draining", None
    worst, why = "healthy", None
    for listener in lb["listeners"]:
        row = stats.get(("b%d" % listener["port"], label(member)))
        if row is None:
            return "unknown", "haproxy does not know it"
        said = " ".join(word for word in (row["check_status"], row.get("last_chk", "")) if word)
        if row["status"].startswith(("DOWN", "MAINT", "NOLB")):
            return "unhealthy", "port %d: %s" % (listener["port"], said)
        if row["check_status"] in ("", "INI"):
            worst, why = "starting", "not checked yet"
    return worst, why


def shown(lb):
    stats = statistics(lb["id"])
    members = []
    for member in lb["members"]:
        state, why = health(lb, member, stats)
        one = {"instance": member["instance"], "health": state}
        one.update({"port": member["port"]} if member.get("port") else {})
        one.update({"why": why} if why else {})
        members.append(one)
    one = {"id": lb["id"], "name": lb["name"], "listeners": lb["listeners"], "members": members, "tags": lb["tags"]}
    return dict(one, address=lb["bind"]) if lb["bind"] != "*" else one


def every():
    try:
        names = sorted(os.listdir(os.path.join(FOLDER, "lbs")))
    except FileNotFoundError:
        return []
    return [load(name) for name in names if os.path.exists(path(name, "lb.json"))]


def create(op, action):
    id = "lb-%s" % op[-10:].lower()
    if not os.path.exists(path(id, "lb.json")):
        listeners = action.get("listeners") or fail(INVALID, "a load balancer needs a listener")
        ports = [listener["port"] for listener in listeners]
        if len(set(ports)) < len(ports):
            fail(INVALID, "a port is listed twice")
        for listener in listeners:
            if listener["protocol"] not in HTTP + RAW:
                fail(INVALID, "haproxy does not balance %s" % listener["protocol"])
        bind, check = os.environ.get("REM_BIND") or "*", os.environ.get("REM_CHECK", "")
        if bind != "*" and not is_host(bind):
            fail(INVALID, "bind: not an address: %s" % bind)
        if check and not re.fullmatch(r"/[!-~]*", check):
            fail(INVALID, "check: expected a path such as /health: %s" % check)
        interval = os.environ.get("REM_INTERVAL") or "1s"
        seconds(interval, "interval")
        os.makedirs(path(id), exist_ok=True)
        lb = {"id": id, "name": action["name"], "listeners": listeners, "bind": bind, "check": check, "members": [],
              "interval": interval, "tags": dict(action.get("tags") or {}, **{"rem:op": op})}
        with one_at_a_time(id):
            try:
                take_over(lb)
            except SystemExit:
                end(id)
                shutil.rmtree(path(id), ignore_errors=True)
                raise
            write(path(id, "lb.json"), json.dumps(lb))
    elif master(id) is None:
        take_over(load(id))
    print(json.dumps({"ids": [id], "changed": True}))


def is_host(text):
    return bool(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?", text) or re.fullmatch(r"[0-9A-Fa-f:.]+", text))


def attach(id, action):
    lb, instance = load(id), action["instance"]
    address = os.environ.get("REM_ADDRESS") or instance
    if not is_host(address):
        fail(INVALID, "%s has no address: write it into the file of the machines" % instance)
    wanted = {"instance": instance, "address": address, "port": action.get("port")}
    if wanted in lb["members"] and is_so(lb):
        sys.exit(10)
    lb["members"] = [one for one in lb["members"] if one["instance"] != instance] + [wanted]
    lb["members"].sort(key=lambda one: one["instance"])
    change(lb)


def change(lb):
    # Written down first: who reads it after a crash does the same once more.
    before = load(lb["id"])
    write(path(lb["id"], "lb.json"), json.dumps(lb))
    try:
        take_over(lb)
    except SystemExit:
        write(path(lb["id"], "lb.json"), json.dumps(before))
        raise


def detach(id, action):
    lb, instance = load(id), action["instance"]
    member = next((one for one in lb["members"] if one["instance"] == instance), None)
    if member is None:
        if is_so(lb):
            sys.exit(10)
        return take_over(lb)
    limit = seconds(os.environ.get("REM_DRAIN") or "30s", "drain")
    if not member.get("draining"):
        member["draining"] = time.time()
        write(path(id, "lb.json"), json.dumps(lb))
        for listener in lb["listeners"]:
            ask(id, "run", "set server b%d/%s state drain" % (listener["port"], label(member)))
    stats = statistics(id) or {}
    rows = [stats.get(("b%d" % listener["port"], label(member)), {}) for listener in lb["listeners"]]
    under_way = sum(int(row.get("scur") or 0) + int(row.get("qcur") or 0) for row in rows)
    if under_way and time.time() < member["draining"] + limit:
        print(json.dumps({"changed": True, "note": "%d under way" % under_way}))
        sys.exit(BEGUN)
    # What is still under way goes on in the old worker, up to its own limit.
    lb["members"].remove(member)
    change(lb)


def end(id):
    """Ends its processes: those who are served first, then all."""
    for number, limit in ((signal.SIGUSR1, 5), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        pid = master(id)
        if pid is None:
            break
        os.kill(pid, number)
        until(lambda: master(id) is None, limit)


def delete(id):
    if not os.path.isdir(path(id)):
        sys.exit(10)
    end(id)
    shutil.rmtree(path(id))


def main():
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    line = sys.stdin.readline()
    told = json.loads(line) if line.strip() else {}
    op, action = told.get("op", ""), told.get("action", {})
    if verb == "list":
        print(json.dumps([shown(lb) for lb in every()]))
    elif verb == "create":
        create(op, action)
    elif verb == "attach":
        load(action["id"])
        with one_at_a_time(action["id"]):
            attach(action["id"], action)
    elif verb == "detach":
        load(action["id"])
        with one_at_a_time(action["id"]):
            detach(action["id"], action)
    elif verb == "delete":
        delete(action["id"])
    else:
        fail(INVALID, "no such function: %s" % verb)


main()
