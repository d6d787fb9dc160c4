#!/usr/bin/env python3
"""Machines of one Linux computer, as the functions of local.yaml.

A machine is a network namespace on one bridge, and in it a process tree with a first
process, a hostname and mounts of its own. Everything that is kept is JSON below the
folder of this file; each file is replaced as a whole. Exit codes are those of the
crate's documentation.
"""
import fcntl, hashlib, ipaddress, json, os, shutil, signal, socket, struct, subprocess, sys, time

FOLDER = os.environ.get("REM_FOLDER") or os.path.dirname(os.path.abspath(__file__))
MARK = hashlib.sha256(os.path.realpath(FOLDER).encode()).hexdigest()
SHORT = MARK[:5]
NET = "10.%d" % (64 + int(MARK[5:7], 16) % 64)
BRIDGE = "rem" + SHORT
GIB = 1 << 30
MACHINES_MAX = 1000

NOT_FOUND, CONFLICT, INVALID, NO_ROOM, TOOL = 3, 4, 64, 73, 1

INIT = """
hostname "$REM_ID" 2>/dev/null
trap 'kill -TERM $child 2>/dev/null; wait $child; exit 0' TERM
"$@" &
child=$!
wait $child
"""


def fail(code, message):
    print(message, file=sys.stderr)
    sys.exit(code)


def path(*names):
    return os.path.join(FOLDER, *names)


def load(sort, id):
    try:
        with open(path(sort, id + ".json")) as file:
            return json.load(file)
    except FileNotFoundError:
        fail(NOT_FOUND, "there is no such %s: %s" % (sort[:-1], id))


def save(sort, thing):
    os.makedirs(path(sort), exist_ok=True)
    name = path(sort, thing["id"] + ".json")
    aside = "%s.%d" % (name, os.getpid())
    with open(aside, "w") as file:
        json.dump(thing, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(aside, name)


def every(sort):
    try:
        names = sorted(os.listdir(path(sort)))
    except FileNotFoundError:
        return []
    things = []
    for name in names:
        if name.endswith(".json"):
            try:
                with open(path(sort, name)) as file:
                    things.append(json.load(file))
            except FileNotFoundError:
                pass  # it went away meanwhile
    return things


def drop(sort, id):
    for ending in (".json", ".img"):
        try:
            os.unlink(path(sort, id + ending))
        except FileNotFoundError:
            pass


def one_at_a_time():
    """Numbers and addresses are given out by one process at a time."""
    os.makedirs(FOLDER, exist_ok=True)
    file = open(path("lock"), "w")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def run(*argv, ok=(0,), **more):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, **more)
    except FileNotFoundError:
        fail(TOOL, "a program is missing: %s" % argv[0])
    if done.returncode not in ok:
        fail(TOOL, "%s: %s" % (" ".join(argv), (done.stderr or done.stdout).strip()))
    return done.stdout


def ip(*lines):
    run("ip", "-batch", "-", input="\n".join(lines) + "\n")


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def new_id(letter, op):
    return "%s-%s" % (letter, op[-10:].lower())


# --- machines


def namespace(id):
    return "rem%s-%s" % (SHORT, id)


def cable(id):
    return "v" + hashlib.sha256((MARK + id).encode()).hexdigest()[:12]


def started(pid):
    """When a process began, by which it is told from a later one of the same number."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def alive(machine):
    pid = machine.get("pid")
    return bool(pid) and started(pid) == machine.get("began")


def first_process(pid):
    """The child of `unshare`: number one inside."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name) as file:
                    if int(file.read().rpartition(")")[2].split()[1]) == pid:
                        return int(name)
            except (FileNotFoundError, ProcessLookupError):
                pass
    return None


def shown(machine):
    on = alive(machine)
    volumes = [v["id"] for v in every("volumes") if v.get("instance") == machine["id"]]
    public = [i["address"] for i in every("ips") if i.get("instance") == machine["id"]]
    lifecycle = "active" if on else "stopped"
    if machine.get("stopping") and on:
        lifecycle = "stopping"
    return {
        "id": machine["id"], "name": machine.get("name"), "power": "on" if on else "off",
        "lifecycle": lifecycle, "size": machine.get("size"), "image": machine["image"],
        "zone": "local", "private_addresses": [machine["address"]],
        "public_addresses": public, "volumes": volumes, "created": machine["created"],
        "protected": machine.get("protected", False), "version": 1,
        "tags": machine.get("tags", {}), "firewalls": machine.get("firewalls", []),
    }


def network():
    if os.path.exists("/sys/class/net/" + BRIDGE):
        return
    run("ip", "link", "add", BRIDGE, "type", "bridge", ok=(0, 2))
    run("ip", "addr", "replace", NET + ".0.1/16", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")


def wire(machine):
    space, end = namespace(machine["id"]), cable(machine["id"])
    if not os.path.exists("/run/netns/" + space):
        run("ip", "netns", "add", space)
    if not os.path.exists("/sys/class/net/" + end):
        ip(
            "link add %s type veth peer name eth0 netns %s" % (end, space),
            "link set %s master %s up" % (end, BRIDGE),
        )
        run("ip", "-n", space, "-batch", "-", input="\n".join([
            "addr add %s/16 dev eth0" % machine["address"],
            "link set lo up",
            "link set eth0 up",
            "route add default via %s.0.1" % NET,
        ]) + "\n")
    for floating in every("ips"):
        if floating.get("instance") == machine["id"]:
            run("ip", "-n", space, "addr", "replace", floating["address"] + "/32", "dev", "eth0")
    guard(machine)


def program(machine):
    home = path("machines", machine["id"])
    os.makedirs(home, exist_ok=True)
    image = machine["image"]
    if image == "sleep":
        return ["sleep", "infinity"]
    if image == "http":
        with open(os.path.join(home, "index.html"), "w") as file:
            file.write("%s\n" % machine["id"])
        if shutil.which("busybox"):
            return ["busybox", "httpd", "-f", "-p", "80", "-h", home]
        return [sys.executable, "-m", "http.server", "80", "-d", home]
    own = path("images", image)
    if not os.access(own, os.X_OK):
        fail(INVALID, "there is no such image: %s (http, sleep, or a program in %s)" % (image, path("images")))
    return [own]


def start(machine):
    if alive(machine):
        sys.exit(10)
    with one_at_a_time():
        network()
    wire(machine)
    argv = program(machine)
    home = path("machines", machine["id"])
    environment = {
        "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        "REM_ID": machine["id"], "REM_ADDRESS": machine["address"],
    }
    with open(os.path.join(home, "console.log"), "ab") as log:
        child = subprocess.Popen(
            ["ip", "netns", "exec", namespace(machine["id"]),
             "unshare", "-m", "-p", "-f", "-u", "--mount-proc", "--kill-child",
             "/bin/sh", "-c", INIT, "init"] + argv,
            cwd=home, env=environment, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    machine.update(pid=child.pid, began=started(child.pid), stopping=False)
    save("machines", machine)
    for floating in every("ips"):
        if floating.get("instance") == machine["id"]:
            announce(machine, floating["address"])


def stop(machine, force):
    if not alive(machine):
        return False
    machine["stopping"] = True
    save("machines", machine)
    inner = first_process(machine["pid"])
    try:
        if force or inner is None:
            os.kill(machine["pid"], signal.SIGKILL)
        else:
            os.kill(inner, signal.SIGTERM)
    except ProcessLookupError:
        pass
    return True


def wait_off(machine, seconds):
    end = time.monotonic() + seconds
    while alive(machine) and time.monotonic() < end:
        time.sleep(0.01)
    return not alive(machine)


def request(op, action):
    id = new_id("m", op)
    with one_at_a_time():
        if not os.path.exists(path("machines", id + ".json")):
            taken = {machine["address"] for machine in every("machines")}
            if len(taken) >= MACHINES_MAX:
                fail(NO_ROOM, "there are %d machines, and no more may be" % len(taken))
            free = ("%s.%d.%d" % (NET, high, low) for high in range(1, 6) for low in range(1, 255))
            tags = dict(action.get("tags") or {}, **{"rem:op": op})
            machine = {
                "id": id, "name": action.get("name"), "image": action.get("image") or "http",
                "size": action.get("size") or "tiny", "created": now(), "tags": tags,
                "address": next(address for address in free if address not in taken),
                "protected": bool(action.get("protected")), "firewalls": action.get("firewalls") or [],
            }
            for firewall in machine["firewalls"]:
                load("firewalls", firewall)
            program(machine)
            save("machines", machine)
            guard_all()
    machine = load("machines", id)
    if not alive(machine):
        start(machine)
    print(json.dumps({"ids": [id], "changed": True, "note": "at %s" % machine["address"]}))


def terminate(machine):
    if machine.get("protected"):
        fail(CONFLICT, "%s is protected" % machine["id"])
    stop(machine, True)
    wait_off(machine, 5)
    for volume in every("volumes"):
        if volume.get("instance") == machine["id"]:
            detach(volume)
    for floating in every("ips"):
        if floating.get("instance") == machine["id"]:
            floating["instance"] = None
            save("ips", floating)
    run("ip", "netns", "del", namespace(machine["id"]), ok=(0, 1))
    run("ip", "link", "del", cable(machine["id"]), ok=(0, 1))
    shutil.rmtree(path("machines", machine["id"]), ignore_errors=True)
    drop("machines", machine["id"])
    with one_at_a_time():
        guard_all()
        if not every("machines"):
            run("ip", "link", "del", BRIDGE, ok=(0, 1))


# --- volumes


def attached(volume):
    """The loop device of a volume, if the kernel still has it."""
    if not volume.get("device"):
        return None
    out = run("losetup", "-j", path("volumes", volume["id"] + ".img"), ok=(0, 1))
    return out.split(":")[0] or None


def shown_volume(volume):
    device = attached(volume)
    hangs = [{"instance": volume["instance"], "device": device}] if device else []
    return {
        "id": volume["id"], "name": volume.get("name"), "bytes": volume["bytes"],
        "state": "in_use" if device else "available", "zone": "local", "attached": hangs,
        "snapshot": volume.get("snapshot"), "sort": "loop", "created": volume["created"],
        "tags": volume.get("tags", {}),
    }


def create_volume(op, action):
    id = new_id("vol", op)
    file = path("volumes", id + ".img")
    if not os.path.exists(path("volumes", id + ".json")):
        size = action.get("bytes")
        os.makedirs(path("volumes"), exist_ok=True)
        if action.get("snapshot"):
            snapshot = load("snapshots", action["snapshot"])
            size = max(size or 0, snapshot["bytes"])
            copy(path("snapshots", snapshot["id"] + ".img"), file)
        if not size:
            fail(INVALID, "a volume needs a size or a snapshot")
        with open(file, "ab") as image:
            image.truncate(size)
        tags = dict(action.get("tags") or {}, **{"rem:op": op})
        save("volumes", {"id": id, "name": action.get("name"), "bytes": size, "created": now(),
                         "snapshot": action.get("snapshot"), "tags": tags})
    print(json.dumps({"ids": [id], "changed": True}))


def copy(source, target):
    run("cp", "--sparse=always", "--reflink=auto", source, target + ".part")
    with open(target + ".part", "rb") as file:
        os.fsync(file.fileno())
    os.rename(target + ".part", target)


def attach(volume, instance):
    load("machines", instance)
    if attached(volume):
        if volume.get("instance") == instance:
            sys.exit(10)
        fail(CONFLICT, "%s hangs on %s" % (volume["id"], volume["instance"]))
    device = run("losetup", "-f", "--show", path("volumes", volume["id"] + ".img")).strip()
    volume.update(instance=instance, device=device)
    save("volumes", volume)
    print(json.dumps({"changed": True, "note": device}))


def detach(volume):
    device = attached(volume)
    if device:
        with open("/proc/mounts") as mounts:
            if any(line.split()[0] == device for line in mounts):
                fail(CONFLICT, "%s is mounted" % device)
        run("losetup", "-d", device)
    changed = bool(volume.get("instance"))
    volume.update(instance=None, device=None)
    save("volumes", volume)
    return changed


def snapshots(op, action):
    made = []
    os.makedirs(path("snapshots"), exist_ok=True)
    for number, id in enumerate(action["volumes"]):
        volume = load("volumes", id)
        snapshot = "%s-%d" % (new_id("snap", op), number)
        made.append(snapshot)
        if os.path.exists(path("snapshots", snapshot + ".json")):
            continue
        copy(path("volumes", id + ".img"), path("snapshots", snapshot + ".img"))
        tags = dict(action.get("tags") or {}, **{"rem:op": op})
        save("snapshots", {"id": snapshot, "volume": id, "state": "completed", "progress": 100,
                           "bytes": volume["bytes"], "taken": now(), "set": new_id("set", op),
                           "description": action.get("description"), "tags": tags})
    print(json.dumps({"ids": made, "changed": True}))


# --- addresses


def allocate(op, action):
    id = new_id("ip", op)
    with one_at_a_time():
        if not os.path.exists(path("ips", id + ".json")):
            taken = {floating["address"] for floating in every("ips")}
            free = ("%s.250.%d" % (NET, low) for low in range(1, 255))
            address = next((one for one in free if one not in taken), None)
            if address is None:
                fail(NO_ROOM, "no address is free")
            save("ips", {"id": id, "address": address, "instance": None,
                         "tags": dict(action.get("tags") or {}, **{"rem:op": op})})
    print(json.dumps({"ids": [id], "changed": True, "note": load("ips", id)["address"]}))


def hardware_address(device):
    with open("/sys/class/net/%s/address" % device) as file:
        return bytes.fromhex(file.read().strip().replace(":", ""))


def arp(operation, mac, sender, target):
    everybody = b"\xff" * 6
    return (everybody + mac + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
            + mac + socket.inet_aton(sender) + everybody + socket.inet_aton(target))


def garp(address):
    """Tells everybody on the wire where an address is now; run inside a namespace."""
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    link.bind(("eth0", 0))
    mac = hardware_address("eth0")
    for operation in (1, 2):
        link.send(arp(operation, mac, address, address))


def announce(machine, address):
    run("ip", "netns", "exec", namespace(machine["id"]), sys.executable, os.path.abspath(__file__), "garp", address)


def who_has(address):
    """The hardware address that answers for an address, as a third host sees it."""
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
    link.bind((BRIDGE, 0))
    link.settimeout(0.2)
    mac = hardware_address(BRIDGE)
    for _ in range(10):
        link.send(arp(1, mac, NET + ".0.1", address))
        end = time.monotonic() + 0.2
        while time.monotonic() < end:
            try:
                packet = link.recv(128)
            except socket.timeout:
                break
            if packet[20:22] == b"\x00\x02" and packet[28:32] == socket.inet_aton(address):
                return packet[22:28].hex()
    return None


def move(floating, instance):
    if floating.get("instance") == instance:
        sys.exit(10)
    target = load("machines", instance) if instance else None
    before = floating.get("instance")
    floating["instance"] = instance
    save("ips", floating)
    address = floating["address"]
    if before and os.path.exists("/run/netns/" + namespace(before)):
        run("ip", "-n", namespace(before), "addr", "del", address + "/32", "dev", "eth0", ok=(0, 2))
    if target and alive(target):
        space = namespace(instance)
        run("ip", "-n", space, "addr", "replace", address + "/32", "dev", "eth0")
        announce(target, address)
        wanted = run("ip", "netns", "exec", space, "cat", "/sys/class/net/eth0/address")
        seen = who_has(address)
        if seen != wanted.strip().replace(":", ""):
            fail(1, "%s is answered for by %s, not by %s" % (address, seen, instance))
    with one_at_a_time():
        guard_all()
    print(json.dumps({"changed": True, "note": address}))


# --- firewalls


def addresses(machine):
    floating = [one["address"] for one in every("ips") if one.get("instance") == machine["id"]]
    return [machine["address"]] + floating


def peers(peer):
    """The addresses that a rule is about."""
    if "network" in peer:
        return [peer["network"]]
    members = [machine for machine in every("machines") if peer["firewall"] in machine.get("firewalls", [])]
    return [address for machine in members for address in addresses(machine)]


def statement(rule):
    """A rule as nft writes it; None if it is about nobody."""
    about = peers(rule["peer"])
    if not about:
        return None
    side, protocol, ports = ("saddr" if rule["direction"] == "in" else "daddr"), rule["protocol"], rule.get("ports")
    family = "ip6" if ":" in about[0] else "ip"
    words = ["%s %s { %s }" % (family, side, ", ".join(about))]
    if protocol in ("tcp", "udp"):
        words.append("%s dport %d-%d" % (protocol, *ports) if ports else "meta l4proto %s" % protocol)
    elif protocol == "icmp":
        words.append("meta l4proto { icmp, ipv6-icmp }")
    return " ".join(words) + " accept"


def checked(rule):
    if rule["protocol"] not in ("tcp", "udp", "icmp", "any"):
        fail(INVALID, "a firewall looks at packets, and %s is none of tcp, udp, icmp and any" % rule["protocol"])
    ports = rule.get("ports")
    if ports and (rule["protocol"] not in ("tcp", "udp") or ports[0] > ports[1]):
        fail(INVALID, "no such ports of %s: %s" % (rule["protocol"], ports))
    if "network" in rule["peer"]:
        try:
            network = ipaddress.ip_network(rule["peer"]["network"], strict=False)
        except ValueError:
            fail(INVALID, "not a network such as 10.0.0.0/8: %s" % rule["peer"]["network"])
        rule = dict(rule, peer={"network": str(network)})
    else:
        load("firewalls", rule["peer"]["firewall"])
    return rule


def guard(machine):
    """Makes the kernel do what the firewalls of a machine say, all of it at once. A
    machine without one is open."""
    space = namespace(machine["id"])
    if not machine.get("firewalls") or not os.path.exists("/run/netns/" + space):
        return
    rules = [rule for one in every("firewalls") if one["id"] in machine["firewalls"] for rule in one["rules"]]
    chains = []
    for chain, direction in (("input", "in"), ("output", "out")):
        lines = [statement(rule) for rule in rules if rule["direction"] == direction]
        chains.append("""  chain %s {
    type filter hook %s priority 0; policy drop;
    ct state established,related accept
    %s lo accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    %s
  }""" % (chain, chain, "iif" if direction == "in" else "oif", "\n    ".join(line for line in lines if line)))
    # Two words of one batch: the old rules go in the instant in which the new ones come.
    batch = "table inet rem\ndelete table inet rem\ntable inet rem {\n%s\n}\n" % "\n".join(chains)
    if not shutil.which("nft"):
        fail(127, "a program is missing: nft: apt-get install nftables")
    run("ip", "netns", "exec", space, "nft", "-f", "-", input=batch)


def guard_all():
    """After a change: a rule may be about the machines behind another firewall."""
    for machine in every("machines"):
        guard(machine)


def create_firewall(op, action):
    id = new_id("fw", op)
    if not os.path.exists(path("firewalls", id + ".json")):
        # Nothing comes in; what goes out is only stopped if somebody denies it.
        out = {"direction": "out", "protocol": "any", "peer": {"network": "0.0.0.0/0"}}
        save("firewalls", {"id": id, "name": action["name"], "description": action.get("description"), "rules": [out],
                           "tags": dict(action.get("tags") or {}, **{"rem:op": op})})
    print(json.dumps({"ids": [id], "changed": True}))


def change_rules(verb, action):
    rule = checked(action["rule"])
    with one_at_a_time():
        firewall = load("firewalls", action["id"])
        is_there = rule in firewall["rules"]
        if is_there == (verb == "allow"):
            guard_all()  # a process that died may have written the rule down only
            sys.exit(10)
        others = [one for one in firewall["rules"] if one != rule]
        save("firewalls", dict(firewall, rules=others + ([rule] if verb == "allow" else [])))
        guard_all()


def delete_firewall(id):
    with one_at_a_time():
        used = [machine["id"] for machine in every("machines") if id in machine.get("firewalls", [])]
        named = [one["id"] for one in every("firewalls") if one["id"] != id
                 and any(rule["peer"].get("firewall") == id for rule in one["rules"])]
        if used or named:
            fail(CONFLICT, "%s is used by %s" % (id, ", ".join(used + named)))
        drop("firewalls", id)


# --- what there is


def images():
    names = ["http", "sleep"]
    try:
        names += sorted(name for name in os.listdir(path("images")) if os.access(path("images", name), os.X_OK))
    except FileNotFoundError:
        pass
    return [{"id": name, "name": name, "state": "available", "platform": "linux"} for name in names]


def listed(items):
    print(json.dumps(items))


def main():
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    if verb == "garp":
        return garp(sys.argv[2])
    id = os.environ.get("REM_ID", "")
    if verb == "console":
        machine = load("machines", id)
        if not alive(machine):
            fail(CONFLICT, "%s is off" % id)
        inner = str(first_process(machine["pid"]))
        os.execvp("nsenter", ["nsenter", "-t", inner, "-n", "-p", "-m", "-u", "/bin/sh", "-i"])
    line = sys.stdin.readline()
    told = json.loads(line) if line.strip() else {}
    op, action = told.get("op", ""), told.get("action", {})
    if verb == "query":
        print(json.dumps(shown(load("machines", id))))
    elif verb == "request":
        request(op, action)
    elif verb == "start":
        start(load("machines", id))
    elif verb in ("stop", "force_stop"):
        if not stop(load("machines", id), verb == "force_stop"):
            sys.exit(10)
    elif verb in ("reboot", "force_reboot"):
        machine = load("machines", id)
        if not alive(machine):
            fail(CONFLICT, "%s is off" % id)
        stop(machine, verb == "force_reboot")
        if not wait_off(machine, 10):
            stop(machine, True)
            wait_off(machine, 5)
        start(machine)
    elif verb == "terminate":
        terminate(load("machines", id))
    elif verb == "protect":
        machine = load("machines", id)
        if machine.get("protected", False) == action["on"]:
            sys.exit(10)
        save("machines", dict(machine, protected=action["on"]))
    elif verb == "tag":
        sorts = {"instance": "machines", "volume": "volumes", "snapshot": "snapshots", "floating_ip": "ips", "firewall": "firewalls"}
        sort = sorts.get(action["kind"]) or fail(INVALID, "no tags on: %s" % action["kind"])
        thing = load(sort, action["id"])
        tags = dict(thing.get("tags", {}), **action.get("set", {}))
        for name in action.get("remove", []):
            tags.pop(name, None)
        save(sort, dict(thing, tags=tags))
    elif verb == "list_instances":
        listed([shown(machine) for machine in every("machines")])
    elif verb == "list_volumes":
        listed([shown_volume(volume) for volume in every("volumes")])
    elif verb == "list_snapshots":
        listed(every("snapshots"))
    elif verb == "list_ips":
        listed(every("ips"))
    elif verb == "list_firewalls":
        listed(every("firewalls"))
    elif verb == "create_firewall":
        create_firewall(op, action)
    elif verb in ("allow", "deny"):
        change_rules(verb, action)
    elif verb == "delete_firewall":
        delete_firewall(action["id"])
    elif verb == "list_images":
        listed(images())
    elif verb == "list_regions":
        listed([{"id": "local"}])
    elif verb == "list_zones":
        listed([{"id": "local", "region": "local", "available": True}])
    elif verb == "list_sizes":
        listed([{"id": "tiny"}])
    elif verb == "list_capacity":
        used = len(every("machines"))
        listed([{"id": "tiny", "limit": MACHINES_MAX, "used": used, "free": MACHINES_MAX - used}])
    elif verb == "create_volume":
        create_volume(op, action)
    elif verb == "attach_volume":
        attach(load("volumes", action["id"]), action["instance"])
    elif verb == "detach_volume":
        if not detach(load("volumes", action["id"])):
            sys.exit(10)
    elif verb == "resize_volume":
        volume = load("volumes", action["id"])
        if action["bytes"] < volume["bytes"]:
            fail(INVALID, "%s cannot shrink" % volume["id"])
        if action["bytes"] == volume["bytes"]:
            sys.exit(10)
        os.truncate(path("volumes", volume["id"] + ".img"), action["bytes"])
        device = attached(volume)
        if device:
            run("losetup", "-c", device)
        save("volumes", dict(volume, bytes=action["bytes"]))
    elif verb == "delete_volume":
        if os.path.exists(path("volumes", action["id"] + ".json")):
            if attached(load("volumes", action["id"])):
                fail(CONFLICT, "%s is attached" % action["id"])
        drop("volumes", action["id"])
    elif verb == "create_snapshots":
        snapshots(op, action)
    elif verb == "delete_snapshot":
        drop("snapshots", action["id"])
    elif verb == "allocate_ip":
        allocate(op, action)
    elif verb == "move_ip":
        move(load("ips", action["id"]), action.get("instance"))
    elif verb == "release_ip":
        floating = load("ips", action["id"])
        if floating.get("instance"):
            fail(CONFLICT, "%s is at %s" % (floating["address"], floating["instance"]))
        drop("ips", action["id"])
    else:
        fail(INVALID, "no such function: %s" % verb)


main()
