"""Groups of misbehaving senders, all at the same time, for SECONDS.

usage: overload.py HOST PORT SECONDS SECRET; prints a JSON object: the number of responses of each group by status.
"""

import asyncio
import collections
import hashlib
import hmac
import json
import resource
import sys

HOST, PORT, SECONDS, SECRET = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
HEAD = f"POST /hooks/github HTTP/1.1\r\nhost: {HOST}\r\nx-github-event: push\r\n"
UNSIGNED = HEAD + "x-hub-signature-256: sha256=" + "0" * 64 + "\r\n"
BIG = 25 * 1024 * 1024
answers = collections.defaultdict(collections.Counter)

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))


async def answer(group, reader):
    try:
        line = await reader.readline()
        answers[group][line.split(b" ")[1].decode() if line else "closed"] += 1
    except (ConnectionError, IndexError):
        answers[group]["closed"] += 1


async def idle(group):
    """Connects and sends nothing."""
    reader, _ = await asyncio.open_connection(HOST, PORT)
    await answer(group, reader)


async def slow_head(group):
    """Sends one byte of the head every half second."""
    reader, writer = await asyncio.open_connection(HOST, PORT)
    listening = asyncio.ensure_future(answer(group, reader))
    for byte in UNSIGNED:
        if listening.done():
            return
        writer.write(byte.encode())
        await asyncio.sleep(0.5)


async def slow_body(group):
    """Declares a large body and sends ten bytes a second."""
    reader, writer = await asyncio.open_connection(HOST, PORT)
    listening = asyncio.ensure_future(answer(group, reader))
    writer.write(f"{UNSIGNED}content-length: {BIG}\r\n\r\n".encode())
    while not listening.done():
        writer.write(b" " * 10)
        await asyncio.sleep(1)


async def big(group):
    """Sends 25 MB with a well-formed but wrong signature."""
    reader, writer = await asyncio.open_connection(HOST, PORT)
    listening = asyncio.ensure_future(answer(group, reader))
    writer.write(f"{UNSIGNED}content-length: {BIG}\r\n\r\n".encode())
    chunk = b" " * 65536
    for _ in range(BIG // len(chunk)):
        writer.write(chunk)
        await writer.drain()
        if listening.done():
            return
    await listening


SIGNED = b'{"filling":"' + b" " * (BIG - 14) + b'"}'
SIGNATURE = hmac.new(SECRET.encode(), SIGNED, hashlib.sha256).hexdigest()


async def big_signed(group, number=iter(range(10**6))):
    """Sends 25 MB with a right signature and an event type that is skipped."""
    reader, writer = await asyncio.open_connection(HOST, PORT)
    listening = asyncio.ensure_future(answer(group, reader))
    head = f"POST /hooks/github HTTP/1.1\r\nhost: {HOST}\r\nx-github-event: watch\r\nx-github-delivery: big-{next(number)}\r\n"
    writer.write(f"{head}x-hub-signature-256: sha256={SIGNATURE}\r\ncontent-length: {len(SIGNED)}\r\n\r\n".encode())
    for at in range(0, len(SIGNED), 65536):
        writer.write(SIGNED[at : at + 65536])
        await writer.drain()
        if listening.done():
            return
    await listening


async def large_and_good(group, number=iter(range(10**6))):
    """Sends 1 MB with a right signature once a second, each over its own connection."""
    body = b'{"filling":"' + b" " * (2**20 - 14) + b'"}'
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    while True:
        reader, writer = await asyncio.open_connection(HOST, PORT)
        head = f"POST /hooks/github HTTP/1.1\r\nhost: {HOST}\r\nx-github-event: watch\r\nx-github-delivery: large-{next(number)}\r\n"
        writer.write(f"{head}x-hub-signature-256: sha256={signature}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        await answer(group, reader)
        writer.close()
        await asyncio.sleep(1)


async def guarded(behaviour, group):
    try:
        await asyncio.wait_for(behaviour(group), SECONDS)
    except asyncio.TimeoutError:
        answers[group]["still waiting" if group != "large_and_good" else "at the end"] += 1
    except OSError:
        answers[group]["closed"] += 1


async def main():
    groups = [(idle, 1000), (slow_head, 100), (slow_body, 100), (big, 100), (big_signed, 50), (large_and_good, 1)]
    print("attacking", flush=True)
    await asyncio.gather(*(guarded(f, f.__name__) for f, count in groups for _ in range(count)))
    print(json.dumps(answers))


asyncio.run(main())
