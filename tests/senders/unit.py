"""Plays systemd for a bridge: holds its sockets, waits for READY=1, restarts it while a sender hammers it.

unit.py RESTARTS BINARY [ARGUMENT...]   configuration and store come through the environment

The sender opens a connection for every request, signs it as GitHub does, and never tries again: what a restart refuses
or cuts shows. Prints one JSON object: how often which status was answered, the errors of connections, what the bridge
told its supervisor, and how long each stop and start took.
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
told = []


def hear(wanted, process, patience=30):
    """Reads what the bridge tells until it tells `wanted`."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit(f"the bridge ended with {process.returncode} before it told {wanted}")
        if select.select([notify], [], [], 0.2)[0]:
            words = notify.recv(4096).decode().split("\n")
            told.extend(word for word in words if word)
            if wanted in words:
                return
    sys.exit(f"the bridge did not tell {wanted}: {told}")


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
    hear("READY=1", process)
    return process


process = start()
hear("WATCHDOG=1", process)
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
    told.extend(notify.recv(4096).decode().split("\n"))
print(json.dumps({"answers": answers, "errors": errors, "told": sorted(set(told)), "exit": code,
                  "slowest_restart_s": round(slowest, 3)}))
