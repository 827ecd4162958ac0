"""A web server of this computer's own for the tests of downloads: ranges, cuts, and patience."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer(ThreadingHTTPServer):
    """Offers `content` under every path but `/missing…`.

    Attributes:
        content: of the file.
        contents: of others, by path.
        cut_after: the connection is closed after so many bytes of an answer.
        stall_after: nothing more is sent after so many bytes, until `go_on`.
        versioned: whether an ETag is sent.
        moved_to: every request is led there.
        ranges: what each request asked for, None for all.
    """

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.contents: dict[str, bytes] = {}
        self.cut_after: int | None = None
        self.stall_after: int | None = None
        self.versioned = True
        self.moved_to: str | None = None
        self.ranges: list[str | None] = []
        self.go_on = threading.Event()

    def url(self, path: str = "/models/net.onnx") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        server, asked = self.server, self.headers.get("Range")
        server.ranges.append(asked)
        if server.moved_to is not None:
            self.send_response(302)
            self.send_header("Location", server.moved_to)
            self.end_headers()
            return
        if self.path.startswith("/missing"):
            self.send_error(404)
            return
        content = server.contents.get(self.path.partition("?")[0], server.content)
        tag = f'"{hashlib.sha256(content).hexdigest()[:8]}"'
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked else 0  # type: ignore[index]
        if start and self.headers.get("If-Range", tag) != tag:
            start = 0
        if start >= len(content):
            self.send_error(416)
            return
        body = content[start:]
        self.send_response(206 if start else 200)
        if start:
            whole = len(content)
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        if server.versioned:
            self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if server.stall_after is not None:
            self.wfile.write(body[: server.stall_after])
            self.wfile.flush()
            server.go_on.wait(10)
            return
        self.wfile.write(body[: server.cut_after])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def serving(content: bytes) -> Iterator[FileServer]:
    server = FileServer(content)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()
