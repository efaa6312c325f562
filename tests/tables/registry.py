"""A schema registry for tests: what real serializers and deserializers ask of Confluent's, in memory, with an off switch.

It checks nothing: no compatibility, no references. Requests are counted, so that a test can tell a cache from none.
"""

import collections
import http.server
import json
import re
import threading
import urllib.parse
import uuid

from shared import free_port

GUIDS = uuid.UUID("7d4e3b1e-6c0e-4b7e-9a51-54f1ce0f5b11")


class Registry:
    """Serves until the process ends. `down` makes it answer 503 to all."""

    def __init__(self, login=None):
        self.port, self.login, self.down = free_port(), login, False
        self.schemas, self.subjects = {}, collections.defaultdict(list)
        # Descriptors that are given out as texts.
        self.texts = {}
        self.asked, self.lock = collections.Counter(), threading.Lock()
        handler = type("Handler", (Handler,), {"registry": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def register(self, subject, told):
        """The same text has the same id everywhere."""
        schema = {key: told[key] for key in ("schema", "schemaType", "references") if told.get(key)}
        schema["schema"] = self.texts.get(schema["schema"], schema["schema"])
        if schema.get("schemaType") == "PROTOBUF" and "syntax" not in schema["schema"]:
            raise ValueError("a descriptor whose text nobody gave")
        with self.lock:
            number = next((one for one, known in self.schemas.items() if known == schema), len(self.schemas) + 1)
            self.schemas[number] = schema
            if number not in self.subjects[subject]:
                self.subjects[subject].append(number)
            return self.told(number, subject)

    def told(self, number, subject=None):
        found = {**self.schemas[number], "id": number, "guid": str(guid(number))}
        if subject is not None:
            found |= {"subject": subject, "version": self.subjects[subject].index(number) + 1}
        return found

    def answer(self, method, path, body):
        parts = [urllib.parse.unquote(part) for part in path.split("/")]
        if parts[:2] == ["schemas", "ids"] and int(parts[2]) in self.schemas:
            return self.told(int(parts[2]))
        if parts[:2] == ["schemas", "guids"]:
            return next((self.told(number) for number in self.schemas if str(guid(number)) == parts[2].lower()), None)
        if parts[0] == "subjects" and method == "POST":
            # Registered or looked up: what is asked for is there in both cases.
            return self.register(parts[1], body)
        if parts[0] == "subjects" and len(parts) == 4 and self.subjects.get(parts[1]):
            versions = self.subjects[parts[1]]
            if parts[3] == "latest" or 0 < int(parts[3]) <= len(versions):
                return self.told(versions[-1 if parts[3] == "latest" else int(parts[3]) - 1], parts[1])
        return None


def guid(number):
    return uuid.uuid5(GUIDS, str(number))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry = None

    def do_GET(self):
        self.handle_one("GET")

    def do_POST(self):
        self.handle_one("POST")

    def handle_one(self, method):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urllib.parse.urlsplit(self.path).path.strip("/")
        registry = self.registry
        registry.asked[f"{method} {re.sub('[0-9]+', 'N', path) if path.startswith('schemas/ids') else path}"] += 1
        if registry.down:
            return self.send(503, {"error_code": 50301, "message": "down"})
        if registry.login and self.headers.get("Authorization") != registry.login:
            return self.send(401, {"error_code": 40101, "message": "who is it?"})
        answer = registry.answer(method, path, json.loads(body) if body else None)
        return self.send(200, answer) if answer is not None else self.send(404, {"error_code": 40403, "message": "Schema not found"})

    def send(self, code, answer):
        content = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass
