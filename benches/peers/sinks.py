"""Stand-ins for what the peers post to, each in a process of its own.

`python3 sinks.py KIND PORT FILE` appends the marker of every message that arrives to FILE. The kinds: `http`, `twake`,
`matrix` (the calls that matrix-nio makes), `irc` (what a client needs to join and to post).
"""

import asyncio
import json
import re
import sys

# Every request of the load has one in a text that is posted.
MARKER = re.compile(rb"zq\d{8}zq")
ROOM = "!room:bench"
# How long a sync waits for something new. There is never anything.
SYNC = 10


class Sink(asyncio.Protocol):
    def __init__(self, file):
        self.file = file
        self.data = b""

    def connection_made(self, transport):
        self.transport = transport

    def keep(self, text):
        markers = MARKER.findall(text)
        if markers:
            self.file.write(b"\n".join(markers) + b"\n")


class Http(Sink):
    def data_received(self, data):
        self.data += data
        while True:
            head, blank, rest = self.data.partition(b"\r\n\r\n")
            if not blank:
                return
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            length = int(length[1]) if length else 0
            if len(rest) < length:
                return
            body, self.data = rest[:length], rest[length:]
            self.keep(body)
            self.request(head.split(b" ", 2)[1].decode(), body)

    def request(self, path, body):
        self.respond({"object": {"id": "01989898-9898-1898-8989-898989898989"}})

    def respond(self, value):
        body = json.dumps(value).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self.transport.write(head % len(body) + body)


class Matrix(Http):
    def request(self, path, body):
        call = path.partition("?")[0].rsplit("/v3/", 1)[-1].rsplit("/r0/", 1)[-1]
        if call == "login":
            self.respond({"user_id": "@bot:bench", "access_token": "token", "device_id": "D", "home_server": "bench"})
        elif call == "sync":
            answer = {"next_batch": "s1", "rooms": {"join": {}, "invite": {}, "leave": {}}, "device_one_time_keys_count": {},
                      "device_lists": {"changed": [], "left": []}, "to_device": {"events": []}, "presence": {"events": []}}
            asyncio.get_running_loop().call_later(SYNC if "since=" in path else 0, self.respond, answer)
        elif call.startswith("join/") or call.endswith("/join"):
            self.respond({"room_id": ROOM})
        elif "/send/" in call:
            self.respond({"event_id": "$event"})
        else:
            self.respond({})


class Irc(Sink):
    def data_received(self, data):
        *lines, self.data = (self.data + data).split(b"\n")
        for line in lines:
            command, _, rest = line.strip().partition(b" ")
            if command == b"NICK":
                self.nick = rest
            elif command == b"USER":
                self.transport.write(b":bench 001 " + self.nick + b" :Welcome\r\n")
            elif command == b"JOIN":
                self.transport.write(b":" + self.nick + b"!u@bench JOIN " + rest + b"\r\n")
            elif command == b"PING":
                self.transport.write(b":bench PONG bench " + rest + b"\r\n")
            elif command in (b"PRIVMSG", b"NOTICE"):
                self.keep(rest)


async def main():
    kind, port, path = sys.argv[1:]
    protocol = {"http": Http, "twake": Http, "matrix": Matrix, "irc": Irc}[kind]
    with open(path, "ab", buffering=0) as file:
        server = await asyncio.get_running_loop().create_server(lambda: protocol(file), "127.0.0.1", int(port))
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
