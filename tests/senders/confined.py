"""Runs a program under the system call filter of a systemd unit: confined.py UNIT PROGRAM [ARGUMENT...]

`systemd-analyze syscall-filter` resolves the unit's SystemCallFilter= lines as systemd does. Any other call returns the
unit's SystemCallErrorNumber=, or kills the process if the unit has none.
"""
import errno, os, re, subprocess, sys

import seccomp

unit, command = sys.argv[1], sys.argv[2:]
groups, group = {}, None
for line in subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"], check=True, capture_output=True, text=True).stdout.splitlines():
    line = re.sub(r"\x1b\[[0-9;]*m", "", line)
    if line.startswith("@"):
        group = groups.setdefault(line.strip(), [])
    elif line.startswith("#"):
        group = None
    elif group is not None and line.strip() and not line.strip().startswith("#"):
        group.append(line.strip())


def calls(name):
    if not name.startswith("@"):
        return {name}
    return set().union(*(calls(member) for member in groups[name]))


allowed, refusal = set(calls("@default")), seccomp.KILL_PROCESS
for line in open(unit):
    key, _, value = line.strip().partition("=")
    if key == "SystemCallFilter":
        taken = set().union(*(calls(word) for word in value.lstrip("~").split()))
        allowed = allowed - taken if value.startswith("~") else allowed | taken
    elif key == "SystemCallErrorNumber":
        refusal = seccomp.ERRNO(getattr(errno, value))

confinement = seccomp.SyscallFilter(refusal)
for call in sorted(allowed | {"execve"}):
    try:
        confinement.add_rule(seccomp.ALLOW, call)
    except (RuntimeError, ValueError, OSError):
        pass  # a call of another architecture
confinement.load()
os.execvp(command[0], command)
