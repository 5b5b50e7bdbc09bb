"""Stands in for systemd: holds the sockets of a bridge, waits for READY=1, restarts the bridge under load.

unit.py RESTARTS BINARY [ARGUMENT...]   configuration and store come from the environment

The sender opens a connection for every request, signs it as GitHub does and never retries, so every refused or cut
connection is counted. Prints one JSON object: the number of responses by status, the errors of connections, the
notifications of the bridge, its exit status and the duration of the slowest restart.
"""
import json, os, select, signal, socket, subprocess, sys, tempfile, time

from hammer import Hammer

restarts, command = int(sys.argv[1]), sys.argv[2:]
folder = tempfile.mkdtemp()
sockets = []
for _ in range(2):
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", 0))
    listening.listen(1024)
    sockets.append(listening)
port, operator = (listening.getsockname()[1] for listening in sockets)
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(os.path.join(folder, "notify"))
notified = []


def wait_for(wanted, process, patience=30):
    """Reads notifications of the bridge until `wanted`."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit(f"the bridge ended with {process.returncode} before the notification {wanted}")
        if select.select([notify], [], [], 0.2)[0]:
            words = notify.recv(4096).decode().split("\n")
            notified.extend(word for word in words if word)
            if wanted in words:
                return
    sys.exit(f"the bridge did not send {wanted}: {notified}")


def pass_sockets():
    for number, listening in enumerate(sockets):
        os.dup2(listening.fileno(), 100 + number)
    for number in range(len(sockets)):
        os.dup2(100 + number, 3 + number)


def start():
    environment = os.environ | {
        "LISTEN_FDS": str(len(sockets)),
        "NOTIFY_SOCKET": os.path.join(folder, "notify"),
        "WATCHDOG_USEC": "400000",
        "TWAKE_BRIDGE_OPERATOR_LISTEN": f"127.0.0.1:{operator}",
    }
    shell = ["sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"', *command]
    process = subprocess.Popen(shell, env=environment, preexec_fn=pass_sockets, close_fds=False)
    wait_for("READY=1", process)
    return process


process = start()
wait_for("WATCHDOG=1", process)
hammer = Hammer(port)
answers, errors = hammer.answers, hammer.errors
hammer.start()
slowest = 0.0
for _ in range(restarts):
    enough = sum(answers.values()) + 20
    while sum(answers.values()) < enough and not errors:
        time.sleep(0.01)
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    process = start()
    slowest = max(slowest, time.monotonic() - begun)
hammer.stop()
process.send_signal(signal.SIGTERM)
code = process.wait(30)
while select.select([notify], [], [], 0)[0]:
    notified.extend(notify.recv(4096).decode().split("\n"))
print(json.dumps({"answers": answers, "errors": errors, "notified": sorted(set(notified)), "exit": code,
                  "slowest_restart_s": round(slowest, 3)}))
