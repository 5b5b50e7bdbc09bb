"""Prints the messages of a Matrix room, oldest first, as matrix-nio understands them: one JSON object a line.

Usage: read.py URL USER ROOM, with the access token on standard input.
"""

import asyncio
import json
import sys

from nio import AsyncClient, MessageDirection, RoomMessageFormatted, RoomMessagesResponse


async def read(url, user, room, token):
    client = AsyncClient(url)
    client.restore_login(user, "READER", token)
    try:
        start = ""
        while start is not None:
            page = await client.room_messages(room, start, direction=MessageDirection.front, limit=100)
            if not isinstance(page, RoomMessagesResponse):
                sys.exit(f"cannot read {room}: {page}")
            for event in page.chunk:
                if isinstance(event, RoomMessageFormatted):
                    shown = {
                        "type": type(event).__name__,
                        "sender": event.sender,
                        "body": event.body,
                        "html": event.formatted_body,
                    }
                    print(json.dumps(shown))
            start = page.end
    finally:
        await client.close()


asyncio.run(read(*sys.argv[1:], sys.stdin.read().strip()))
