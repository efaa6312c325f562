"""A gateway before the store: all sidecars go through it, and it does to them what networks and stores do."""

import http.client
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
PIECE = 16 * 1024


class Weather:
    """What the gateway does now. Shares are of all requests."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.down = False
        self.closed = None  # (method, end of the path): such requests are hung up on, and nothing was done
        self.refused = 0.0  # 503, nothing was done
        self.lost = 0.0  # done by the store, but the answer never arrives
        self.pace = None  # bytes a second of each body, both ways


class Gateway:
    """Listens on the loopback address and passes on to a server there."""

    def __init__(self, port, seed):
        self.server_port, self.weather = port, Weather()
        self.random, self.counts = random.Random(seed), {"passed": 0, "down": 0, "refused": 0, "lost": 0, "unreachable": 0}
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 120

            def handle_one_request(self):
                try:
                    super().handle_one_request()
                except OSError:
                    # Either side may hang up at any time.
                    self.close_connection = True

            def do(self):
                gateway.answer(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def answer(self, client):
        weather = self.weather
        method, path = weather.closed or ("", "")
        if weather.down or (client.command == method and client.path.partition("?")[0].endswith(path)):
            self.counts["down"] += 1
            client.close_connection = True
            return
        body = self.read(client, int(client.headers.get("Content-Length", 0)))
        dice = self.random.random()
        if dice < weather.refused:
            self.counts["refused"] += 1
            self.reply(client, 503, [("Content-Type", "application/xml")], SLOW_DOWN)
            return
        try:
            status, headers, content = self.pass_on(client, body)
        except (OSError, http.client.HTTPException):
            self.counts["unreachable"] += 1
            client.close_connection = True
            return
        if dice < weather.refused + weather.lost or weather.down:
            self.counts["lost"] += 1
            client.close_connection = True
            return
        self.counts["passed"] += 1
        self.reply(client, status, headers, content)

    def pass_on(self, client, body):
        server = http.client.HTTPConnection("127.0.0.1", self.server_port, timeout=60)
        try:
            # The signature covers the host that the client sees, so headers go on as they came.
            server.putrequest(client.command, client.path, skip_host=True, skip_accept_encoding=True)
            for name, value in client.headers.items():
                if name.lower() != "connection":
                    server.putheader(name, value)
            server.endheaders(body or None)
            answer = server.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            server.close()

    def reply(self, client, status, headers, content):
        client.send_response_only(status)
        head = client.command == "HEAD"
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding") and (head or name.lower() != "content-length"):
                client.send_header(name, value)
        if not head and status not in (204, 304):
            client.send_header("Content-Length", str(len(content)))
        client.end_headers()
        if not head:
            for piece in self.paced(content):
                client.wfile.write(piece)

    def read(self, client, length):
        body = bytearray()
        while len(body) < length:
            piece = client.rfile.read(min(PIECE if self.weather.pace else length, length - len(body)))
            if not piece:
                raise ConnectionError("the client hung up")
            body += piece
            self.wait(len(piece))
        return bytes(body)

    def paced(self, content):
        if not self.weather.pace:
            return [content]
        return self.slowly(content)

    def slowly(self, content):
        for start in range(0, len(content), PIECE):
            piece = content[start : start + PIECE]
            self.wait(len(piece))
            yield piece

    def wait(self, count):
        pace = self.weather.pace
        if pace:
            time.sleep(count / pace)
