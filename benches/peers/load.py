"""The load: raw HTTP/1.1 over connections that are kept alive."""

import asyncio
import time
from dataclasses import dataclass, field


@dataclass
class Sent:
    """What became of the requests of a load."""

    accepted: set = field(default_factory=set)  # the markers of those answered 2xx
    refused: int = 0  # answered otherwise, or not at all
    times: list = field(default_factory=list)  # seconds, of the accepted ones
    seconds: float = 0

    def per_second(self):
        return len(self.accepted) / self.seconds

    def quantile(self, share):
        times = sorted(self.times)
        return times[int((len(times) - 1) * share)] if times else float("nan")


class Connection(asyncio.Protocol):
    def __init__(self):
        self.answer = None
        self.data = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.data += data
        head, blank, rest = self.data.partition(b"\r\n\r\n")
        if not blank or not self.answer or self.answer.done():
            return
        lower = head.lower()
        if b"chunked" in lower:
            complete = rest.endswith(b"0\r\n\r\n")
        else:
            _, _, length = lower.partition(b"content-length:")
            complete = len(rest) >= int(length.split(b"\r\n")[0] or 0)
        if complete:
            self.data = b""
            self.answer.set_result(int(head[9:12]))

    def connection_lost(self, error):
        if self.answer and not self.answer.done():
            self.answer.set_result(0)

    async def send(self, request):
        """The status of the answer; 0: there was none."""
        if self.transport.is_closing():
            return 0
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.answer


async def load(port, request, markers, connections, seconds, pause=0, on_accepted=None):
    """Sends `request(marker)` for each of `markers`, until there is none left or `seconds` have passed.

    `pause`: the wait between two requests of a connection. `on_accepted(sent)` is called after each accepted one.
    """
    sent, begun = Sent(), time.monotonic()
    markers = iter(markers)

    async def run():
        connection = None
        while time.monotonic() - begun < seconds and (marker := next(markers, None)):
            data, start = request(marker), time.monotonic()
            try:
                if connection is None or connection.transport.is_closing():
                    create = asyncio.get_running_loop().create_connection
                    _, connection = await create(Connection, "127.0.0.1", port)
                status = await asyncio.wait_for(connection.send(data), 30)
            except (OSError, asyncio.TimeoutError):
                status, connection = 0, None
            if 200 <= status < 300:
                sent.accepted.add(marker)
                sent.times.append(time.monotonic() - start)
                if on_accepted:
                    on_accepted(sent)
            else:
                sent.refused += 1
                await asyncio.sleep(0.01)
            if pause:
                await asyncio.sleep(pause)
        if connection:
            connection.transport.close()

    await asyncio.gather(*(run() for _ in range(connections)))
    sent.seconds = time.monotonic() - begun
    return sent
