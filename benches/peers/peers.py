"""The peers: how each is configured and started, and what is sent to it."""

import hmac
import json
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "target/peers"
SECRET = "It's a Secret to Everybody"
MARKER = "{marker}"


def sample(name):
    return json.loads((ROOT / "templates" / name).read_text())


PUSH = sample("github/samples/push__branch-created.json")
ALERT = sample("alertmanager/samples/firing__basic.json")


def http(path, headers, body):
    head = f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n{headers}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def push(path):
    """A signed push of GitHub, 8 kB; the marker is the message of its commit."""
    commit = PUSH["head_commit"] | {"message": MARKER}
    template = json.dumps(PUSH | {"head_commit": commit, "commits": [commit]}, separators=(",", ":"))

    def request(marker):
        body = template.replace(MARKER, marker).encode()
        signature = hmac.digest(SECRET.encode(), body, "sha256").hex()
        headers = f"x-github-event: push\r\nx-github-delivery: {marker}\r\nx-hub-signature-256: sha256={signature}\r\n"
        return http(path, headers, body)

    return request


def alert(path, headers=""):
    """A notification of Alertmanager with one alert, 0.9 kB; the marker is in its summary and description."""
    one = ALERT["alerts"][0]
    # matrix-alertbot knows only the severities "critical" and "warning".
    labels = one["labels"] | {"severity": "warning"}
    texts = {"summary": MARKER, "description": MARKER}
    one = one | {"fingerprint": MARKER, "labels": labels, "annotations": texts}
    template = json.dumps(ALERT | {"alerts": [one], "commonLabels": labels, "commonAnnotations": texts}, separators=(",", ":"))
    return lambda marker: http(path, headers, template.replace(MARKER, marker).encode())


@dataclass
class Peer:
    title: str
    package: str  # in target/peers; empty: our own
    sink: str  # a kind of sinks.py; empty: it posts nothing
    request: object  # from a marker to the bytes of a request
    files: object  # (folder, port, sink's port) -> {name: content}
    command: object  # (folder, port, sink's port) -> arguments


def twake_bridge(folder, port, sink):
    return {
        "twake": "key",
        "github": SECRET,
        "token": "token",
        "bridge.toml": f"""
[channels]
dev = "dev"
[twake.main]
url = "http://127.0.0.1:{sink}"
public_id = "public"
private_api_key = {{ file = "twake" }}
group_id = "company"
[sources.github]
kind = "github"
secrets = [{{ file = "github" }}]
channels = ["dev"]
[sources.alertmanager]
kind = "alertmanager"
secrets = [{{ file = "token" }}]
channels = ["dev"]
[delivery]
rate = "1000000/s"
""",
    }


def start_bridge(folder, port, sink):
    return ["env", f"TWAKE_BRIDGE_LISTEN=127.0.0.1:{port}", "TWAKE_BRIDGE_OPERATOR_LISTEN=127.0.0.1:0", "RUST_LOG=error",
            f"TWAKE_BRIDGE_STORE=sqlite:{folder}/bridge.db",
            str(ROOT / "target/release/twake-bridge"), "serve", "--config", f"{folder}/bridge.toml"]


def webhook(folder, port, sink):
    rule = {"match": {"type": "payload-hmac-sha256", "secret": SECRET,
                      "parameter": {"source": "header", "name": "X-Hub-Signature-256"}}}
    words = ["-sf", "--max-time", "10", f"http://127.0.0.1:{sink}/", "-d"]
    arguments = [{"source": "string", "name": word} for word in words] + [{"source": "payload", "name": "head_commit.message"}]
    hooks = [{"id": "rule", "execute-command": "", "trigger-rule": rule},
             {"id": "command", "execute-command": "/usr/bin/curl", "pass-arguments-to-command": arguments, "trigger-rule": rule}]
    return {"hooks.json": json.dumps(hooks)}


def start_webhook(folder, port, sink):
    return [f"{PEERS}/webhook/usr/bin/webhook", "-hooks", f"{folder}/hooks.json", "-ip", "127.0.0.1", "-port", str(port)]


def qhook(folder, port, sink):
    return {"qhook.yaml": json.dumps({  # JSON is YAML
        "database": {"driver": "sqlite", "url": f"sqlite:{folder}/qhook.db?mode=rwc"},
        "server": {"port": port, "allow_private_urls": True},
        "sources": {"github": {"type": "webhook", "verify": "github", "secret": SECRET}},
        "handlers": {"sink": {"source": "github", "events": ["push"], "url": f"http://127.0.0.1:{sink}/"}},
    })}


def alertbot(folder, port, sink):
    return {"config.yaml": json.dumps({
        "matrix": {"accounts": [{"id": "@bot:bench", "password": "p", "url": f"http://127.0.0.1:{sink}",
                                 "token_file": f"{folder}/token.json"}], "allowed_rooms": ["!room:bench"]},
        "webhook": {"address": "127.0.0.1", "port": port},
        "alertmanager": {"url": f"http://127.0.0.1:{sink}"},
        "cache": {"path": f"{folder}/cache"}, "storage": {"path": f"{folder}/store"},
        # Without a filter, every alert is a direct message to nobody.
        "dm": {"filter_labels": {"dm": "true"}, "select_label": "dm"},
        "logging": {"console_logging": {"enabled": True, "level": "ERROR"}},
    })}


def irc_relay(folder, port, sink):
    return {"relay.yml": json.dumps({
        "http_host": "127.0.0.1", "http_port": port, "irc_host": "127.0.0.1", "irc_port": sink, "irc_use_ssl": False,
        "irc_nickname": "bot", "irc_channels": [{"name": "#dev"}], "msg_template": "{{ .Annotations.summary }}",
    })}


ALL = [
    Peer("twake-bridge, signed push", "", "twake", push("/hooks/github"), twake_bridge, start_bridge),
    Peer("twake-bridge, alert", "", "twake", alert("/hooks/alertmanager", "authorization: Bearer token\r\n"), twake_bridge, start_bridge),
    Peer("webhook, signed push, rule only", "webhook", "", push("/hooks/rule"), webhook, start_webhook),
    Peer("webhook, signed push, curl", "webhook", "http", push("/hooks/command"), webhook, start_webhook),
    Peer("qhook, signed push", "qhook", "http", push("/webhooks/github"), qhook,
         lambda folder, port, sink: [f"{PEERS}/qhook/bin/qhook", "start", "-c", f"{folder}/qhook.yaml"]),
    Peer("matrix-webhook, signed push", "matrix-webhook", "matrix", push("/?formatter=github&room_id=!room:bench"),
         lambda folder, port, sink: {},
         lambda folder, port, sink: [f"{PEERS}/matrix-webhook/bin/python", "-m", "matrix_webhook", "-H", "127.0.0.1", "-P", str(port),
                                     "-u", f"http://127.0.0.1:{sink}", "-i", "@bot:bench", "-t", "token", "-k", SECRET]),
    Peer("matrix-alertbot, alert", "matrix-alertbot", "matrix", alert("/alerts/!room:bench"), alertbot,
         lambda folder, port, sink: [f"{PEERS}/matrix-alertbot/bin/matrix-alertbot", f"{folder}/config.yaml"]),
    Peer("alertmanager-irc-relay, alert", "alertmanager-irc-relay", "irc", alert("/dev"), irc_relay,
         lambda folder, port, sink: [f"{PEERS}/alertmanager-irc-relay/usr/bin/alertmanager-irc-relay", "--config", f"{folder}/relay.yml"]),
]
