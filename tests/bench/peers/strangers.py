"""The Python peers: a WebSocket library and a JSON decoder each.

strangers.py PORT --frames N --stack LIBRARY-DECODER, such as picows-msgspec.
"""

import asyncio
import ssl

from meter import Meter
from websocket_frames import AUTH, reader_of

meter = Meter(stack=True)
library, _, decoder = meter.options.stack.partition("-")
read = reader_of(meter, decoder)
url = meter.url("ws") + "/"
trust = ssl.create_default_context(cafile=meter.options.ca) if meter.options.ca else None


def by_picows() -> None:
    import picows

    class Listener(picows.WSListener):
        def on_ws_connected(self, transport: picows.WSTransport) -> None:
            transport.send(picows.WSMsgType.TEXT, AUTH.encode())

        def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
            # A view of the library's own buffer: what can be decoded without a copy is.
            read(
                frame.get_payload_as_memoryview()
                if decoder != "json"
                else frame.get_payload_as_bytes()
            )

    async def listen() -> None:
        transport, _ = await picows.ws_connect(Listener, url, ssl_context=trust)
        meter.ready()
        await transport.wait_disconnected()

    asyncio.run(listen())


def by_aiohttp() -> None:
    import aiohttp

    async def listen() -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url, ssl=trust or True, max_msg_size=0) as socket,
        ):
            await socket.send_str(AUTH)
            meter.ready()
            async for message in socket:
                read(message.data)

    asyncio.run(listen())


def by_websockets() -> None:
    from websockets.asyncio.client import connect

    async def listen() -> None:
        async with connect(url, ssl=trust, compression=None, ping_interval=None) as socket:
            await socket.send(AUTH)
            meter.ready()
            while True:  # bytes suit the fast decoders, and spare decoding the text
                read(await socket.recv(decode=decoder == "json"))

    asyncio.run(listen())


def by_websocket_client() -> None:
    import websocket

    options = {"ca_certs": meter.options.ca} if meter.options.ca else None
    socket = websocket.create_connection(url, sslopt=options, skip_utf8_validation=True)
    socket.send(AUTH)
    meter.ready()
    while True:
        read(socket.recv())


{
    "picows": by_picows,
    "aiohttp": by_aiohttp,
    "websockets": by_websockets,
    "websocketclient": by_websocket_client,
}[library]()
