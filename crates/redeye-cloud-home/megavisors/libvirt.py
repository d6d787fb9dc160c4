#!/usr/bin/env python3
"""Domains of libvirt: what one call of virsh cannot say, for libvirt.yaml."""
import json, os, re, subprocess, sys

URI = os.environ.get("REM_URI") or "qemu:///system"
# virDomainState of libvirt.
STATES = {1: ("on", "active", "running"), 2: ("on", "active", "idle"), 3: ("on", "active", "paused"),
          4: ("on", "stopping", "in shutdown"), 5: ("off", "stopped", "shut off"),
          6: ("off", "stopped", "crashed"), 7: ("on", "active", "pmsuspended")}


def virsh(*argv):
    try:
        return subprocess.run(["virsh", "-q", "-c", URI, *argv], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, env=dict(os.environ, LC_ALL="C"))
    except FileNotFoundError:
        print("virsh is missing: apt-get install libvirt-clients", file=sys.stderr)
        sys.exit(127)


def must(*argv):
    done = virsh(*argv)
    if done.returncode:
        print(done.stderr.strip(), file=sys.stderr)
        sys.exit(1)
    return done.stdout


def listed():
    uuids = {}
    for line in must("list", "--all", "--uuid", "--name").splitlines():
        uuid, _, name = line.strip().partition(" ")
        if name.strip():
            uuids[name.strip()] = uuid
    items, name = [], None
    for line in must("domstats", "--state").splitlines():
        begun = re.match(r"Domain: '(.*)'$", line.strip())
        if begun:
            name = begun.group(1)
            continue
        number = re.match(r"state\.state=(\d+)$", line.strip())
        if name is None or not number:
            continue
        power, lifecycle, word = STATES.get(int(number.group(1)), ("unknown", "active", "no state"))
        plain = re.fullmatch(r"[A-Za-z0-9][^\s]{0,254}", name)
        items.append({"id": name if plain else uuids.get(name, ""), "name": name, "power": power,
                      "lifecycle": lifecycle, "detail": word, "version": 1})
        name = None
    return [item for item in items if item["id"]]


def terminate(id):
    found = virsh("domstate", "--domain", id)
    if found.returncode:
        if re.search("failed to get domain|[Dd]omain not found", found.stderr):
            sys.exit(10)
        print(found.stderr.strip(), file=sys.stderr)
        sys.exit(1)
    if found.stdout.strip() not in ("shut off", "crashed"):
        must("destroy", "--domain", id)
    done = virsh("undefine", "--domain", id, "--managed-save", "--nvram", "--snapshots-metadata")
    # One that was never defined is gone with its power.
    if done.returncode and virsh("domstate", "--domain", id).returncode == 0:
        print(done.stderr.strip(), file=sys.stderr)
        sys.exit(1)


verb = sys.argv[1] if len(sys.argv) > 1 else ""
if verb == "list_instances":
    print(json.dumps(listed()))
elif verb == "terminate":
    terminate(os.environ.get("REM_ID", ""))
else:
    print("no such function: %s" % verb, file=sys.stderr)
    sys.exit(64)
