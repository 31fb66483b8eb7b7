"""WebSocket frames a server sends, as bytes (RFC 6455 §5.2).

Built here and written straight to the transport, so that one presence frame is encoded once for
any number of sockets, and faults can place bytes exactly.
"""

import struct

_FIN = 0x80
_TEXT, _CLOSE, _PONG = 0x1, 0x8, 0xA


def text_frame(text: str) -> bytes:
    return _frame(_TEXT, text.encode())


def pong_frame(payload: bytes) -> bytes:
    return _frame(_PONG, payload)


def close_frame(code: int, reason: str = "") -> bytes:
    """1005 and 1006 may not travel in a frame; they become a close frame without a code."""
    if code in (1005, 1006):
        return _frame(_CLOSE, b"")
    return _frame(_CLOSE, struct.pack(">H", code) + reason.encode()[:123])


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        head = struct.pack(">BB", _FIN | opcode, size)
    elif size < 65_536:
        head = struct.pack(">BBH", _FIN | opcode, 126, size)
    else:
        head = struct.pack(">BBQ", _FIN | opcode, 127, size)
    return head + payload
