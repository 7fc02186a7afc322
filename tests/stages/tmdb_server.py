"""A server that answers as TMDB does, and misbehaves for certain films; a proxy lies before it.

Runs in a container: ``python3 -m tests.stages.tmdb_server FOLDER``, with FOLDER for its
authority's certificate. Every request becomes a line of JSON on stdout.
"""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from tests.stages.tmdb_films import (
    BUSY_BY_DATE,
    BUSY_FOR_LONG,
    BUSY_ONCE,
    CUT_OFF,
    DEEP,
    FILMS,
    HTML,
    HUGE,
    NOT_HTTP,
    PACKED,
    SLOW,
    TROUBLE_ONCE,
    details,
    search,
)

TOKEN: Final = "eyJhbGciOiJIUzI1NiJ9.t0ken-of-our-own-server"
PROXY_USER: Final = "site:pr0xy-passw0rd"
PORT, TLS_PORT, PROXY_PORT = 8080, 8443, 3128
HOST: Final = "tmdb-server"
BEHIND_PROXY: Final = "tmdb.invalid"  # a name that only the proxy knows

_asked: dict[int, int] = {}


class Handler(BaseHTTPRequestHandler):
    """TMDB's interface, version 3."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        wanted = dict(parse_qsl(address.query))
        is_known = self.headers["Authorization"] == f"Bearer {TOKEN}"
        tell(path=address.path, wanted=wanted, is_known=is_known, via=self.headers["X-Via"])
        if not is_known:
            self.refuse(401, 7, "Invalid API key: You must be granted a valid key.")
            return
        match address.path.strip("/").split("/"):
            case ["3", "search", "movie"]:
                self.answer(search(wanted.get("query", ""), wanted.get("year", "")))
            case ["3", "find", imdb]:
                found = [entry for entry in FILMS.values() if entry.get("imdb_id") == imdb]
                self.answer({"movie_results": found, "tv_results": []})
            case ["3", "movie", number]:
                self.film(int(number), wanted.get("append_to_response", "").split(","))
            case _:
                self.refuse(404, 34, "The resource you requested could not be found.")

    def film(self, number: int, appended: list[str]) -> None:
        _asked[number] = _asked.get(number, 0) + 1
        if number in MISBEHAVIOUR:
            MISBEHAVIOUR[number](self)
        elif number in FIRST and _asked[number] == 1:
            FIRST[number](self)
        elif number in FILMS:
            self.answer(details(FILMS[number], appended))
        else:
            self.refuse(404, 34, "The resource you requested could not be found.")

    def answer(self, document: object) -> None:
        self.send(200, json.dumps(document).encode())

    def refuse(self, status: int, code: int, text: str, **headers: str) -> None:
        document = {"success": False, "status_code": code, "status_message": text}
        self.send(status, json.dumps(document).encode(), **headers)

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        named = {"Content_Type": "application/json;charset=utf-8", **headers}
        for name, text in {"Content_Length": str(len(body)), **named}.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(body)

    def busy(self, retry_after: str) -> None:
        self.refuse(
            429, 25, "Your request count is over the allowed limit.", Retry_After=retry_after
        )

    def slow(self) -> None:
        """A byte now and then, for as long as somebody listens."""
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        while True:
            self.wfile.write(b" ")
            time.sleep(0.05)

    def huge(self) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        for _ in range(64 * 1024):
            self.wfile.write(b" " * 1024 * 1024)

    def not_http(self) -> None:
        self.wfile.write(b"\x00\x01 what is this\r\n\r\n")
        self.close_connection = True

    def cut_off(self) -> None:
        self.send(200, b'{"title": "The Riv', Content_Length="500")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Requests are told by `tell`."""


Behaviours = dict[int, Callable[[Handler], None]]


def in_a_second() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=1.5), usegmt=True)


FIRST: Final[Behaviours] = {
    BUSY_ONCE: lambda handler: handler.busy("1"),
    BUSY_BY_DATE: lambda handler: handler.busy(in_a_second()),
    TROUBLE_ONCE: lambda handler: handler.send(502, b"<html>Bad Gateway</html>"),
}
MISBEHAVIOUR: Final[Behaviours] = {
    BUSY_FOR_LONG: lambda handler: handler.busy("600"),
    SLOW: Handler.slow,
    HUGE: Handler.huge,
    HTML: lambda handler: handler.send(200, b"<html>Log in</html>", Content_Type="text/html"),
    CUT_OFF: Handler.cut_off,
    PACKED: lambda handler: handler.send(200, gzip.compress(b"{}"), Content_Encoding="gzip"),
    NOT_HTTP: Handler.not_http,
    DEEP: lambda handler: handler.send(200, b"[" * 200_000),
}


class Proxy(BaseHTTPRequestHandler):
    """A site's proxy that wants a password and knows the way to this server only."""

    def do_GET(self) -> None:
        if not self.is_let_in():
            return
        address = urlsplit(self.path)
        request = urllib.request.Request(f"http://127.0.0.1:{PORT}{address.path}?{address.query}")
        request.add_header("Authorization", self.headers["Authorization"])
        request.add_header("X-Via", f"{address.hostname} by proxy")
        with urllib.request.urlopen(request) as answer:
            body = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        if not self.is_let_in():
            return
        tell(connect=self.path)
        with socket.create_connection(("127.0.0.1", TLS_PORT)) as there:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=pour, args=(there, self.connection), daemon=True)
            back.start()
            pour(self.connection, there)
            back.join()

    def is_let_in(self) -> bool:
        wanted = "Basic " + base64.b64encode(PROXY_USER.encode()).decode()
        if self.headers["Proxy-Authorization"] == wanted:
            return True
        self.send_response(407)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def log_message(self, *_: object) -> None:
        """Requests are told by `tell`."""


class Server(ThreadingHTTPServer):
    """One whose clients may leave in the middle of an answer."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """They do leave."""


def pour(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()


def tell(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def make_certificates(folder: Path) -> ssl.SSLContext:
    """A server's certificate, and its authority's, which only who trusts it finds in the folder."""
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    key, names = ["-keyout", "/tmp/key.pem"], f"subjectAltName=DNS:{HOST},DNS:{BEHIND_PROXY}"
    usual = ["-subj", "/CN=our own authority", "-addext", names, "-out", "/tmp/ca.crt"]
    subprocess.run([*make, *key, *usual], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/tmp/ca.crt", "/tmp/key.pem")
    shutil.copy("/tmp/ca.crt", folder / "ca.crt")
    return context


def main(folder: Path) -> None:
    encrypted = Server(("", TLS_PORT), Handler)
    encrypted.socket = make_certificates(folder).wrap_socket(encrypted.socket, server_side=True)
    for server in (encrypted, Server(("", PROXY_PORT), Proxy)):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    plain = Server(("", PORT), Handler)
    tell(ready=True)
    plain.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
