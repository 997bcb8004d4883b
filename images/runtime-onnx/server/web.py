"""HTTP/1.1: routes, limits and time-outs. What a body means is protocol.py's business."""

import io
import json
import logging
import re
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from . import __version__
from .metrics import Metrics
from .model import Model
from .protocol import BadRequest, NotFinite, infer_response, parse_infer
from .settings import Settings

_log = logging.getLogger(__name__)

_MODEL_PATH = re.compile(r"/v2/models/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?(?P<rest>/ready|/infer)?")


_LINGER_SECONDS = 2.0


class HttpError(Exception):
    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code


class InferenceServer(ThreadingHTTPServer):
    daemon_threads = True
    # The listen backlog: a burst of new connections waits in the kernel instead of being refused.
    request_queue_size = 128

    def __init__(self, settings: Settings):
        self.settings = settings
        self.model: Model | None = None
        self.draining = False
        self.metrics = Metrics()
        self._connections = threading.BoundedSemaphore(settings.max_connections)
        self._busy = 0
        self._idle = threading.Condition()
        dual_stack = socket.has_dualstack_ipv6()
        self.address_family = socket.AF_INET6 if dual_stack else socket.AF_INET
        super().__init__(("::" if dual_stack else "0.0.0.0", settings.port), Handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    @property
    def ready(self) -> bool:
        return self.model is not None and not self.draining

    def process_request(self, request, client_address) -> None:
        if self._connections.acquire(blocking=False):
            super().process_request(request, client_address)
            return
        body = b'{"error": "too many connections"}'
        head = f"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        try:
            request.send(f"{head}Connection: close\r\n\r\n".encode() + body, socket.MSG_DONTWAIT)
        except OSError:
            pass  # the client has gone, or does not read
        self.shutdown_request(request)

    def process_request_thread(self, request, client_address) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request, client_address) -> None:
        if not isinstance(sys.exception(), OSError):  # clients that hang up are daily life
            _log.exception("connection failed")

    def begin(self) -> None:
        with self._idle:
            self._busy += 1

    def end(self) -> None:
        with self._idle:
            self._busy -= 1
            self._idle.notify_all()

    def wait_until_idle(self, seconds: float) -> bool:
        with self._idle:
            return self._idle.wait_for(lambda: self._busy == 0, seconds)


class _DeadlineReader(io.RawIOBase):
    """Bounds the time of a whole request. A socket's own time-out bounds each read, so a client could drip bytes."""

    def __init__(self, connection: socket.socket):
        self._connection = connection
        self.deadline = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        self._connection.settimeout(max(self.deadline - time.monotonic(), 0.001))
        return self._connection.recv_into(buffer)


class Handler(BaseHTTPRequestHandler):
    server: InferenceServer
    protocol_version = "HTTP/1.1"
    server_version = f"mlsecops-runtime-onnx/{__version__}"
    sys_version = ""
    # Without these the headers and the body leave in two packets, and the second waits for an acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self._deadline = _DeadlineReader(self.connection)
        self.rfile = io.BufferedReader(self._deadline)
        self._body_unread = False

    def finish(self) -> None:
        if self._body_unread:
            # Closing with unread bytes resets the connection, and the client, still sending, would never see why.
            try:
                self.connection.shutdown(socket.SHUT_WR)
                self._deadline.deadline = time.monotonic() + _LINGER_SECONDS
                while self.rfile.read1(65536):
                    pass
            except OSError:
                pass
        super().finish()

    def handle_one_request(self) -> None:
        timeout = self.server.settings.request_timeout
        # A connection may stay idle that long; then its next request gets the whole time.
        self._deadline.deadline = time.monotonic() + timeout
        try:
            self.rfile.peek(1)
        except OSError:
            self.close_connection = True
            return
        self._deadline.deadline = time.monotonic() + timeout
        self.server.begin()
        try:
            super().handle_one_request()
        finally:
            self.server.end()

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        # The base class calls this for malformed requests and for methods without a do_ method.
        self.close_connection = True
        self._send_json(405 if code == 501 else code, {"error": message or self.responses[code][0]})

    def log_message(self, format: str, *args: object) -> None:
        """No access log: /metrics counts, and inputs are nobody's business."""

    def handle_expect_100(self) -> bool:
        # A client that asks before it sends a large body need not send it for nothing.
        length = self.headers.get("Content-Length", "")
        too_large = length.isdecimal() and int(length[:18]) > self.server.settings.max_body_bytes
        return True if too_large else super().handle_expect_100()

    def _answer(self, route) -> None:
        started = time.monotonic()
        self._path = unquote(self.path.partition("?")[0])
        infer = self.command == "POST" and self._path.endswith("/infer")
        try:
            code, document = 200, route()
        except BadRequest as error:
            code, document = 400, {"error": str(error)}
        except HttpError as error:
            code, document = error.code, {"error": str(error)}
        except NotFinite as error:
            code, document = 500, {"error": str(error)}
        except ConnectionError:
            raise
        except Exception:
            _log.exception("request failed")
            code, document = 500, {"error": "internal error"}
        if infer:
            self.server.metrics.observe(code, time.monotonic() - started)
        if isinstance(document, str):
            self._send(code, "text/plain; version=0.0.4; charset=utf-8", document.encode())
        else:
            self._send_json(code, document)

    def _get(self) -> dict | str:
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            # Unread, it would be taken for the next request.
            self.close_connection = True
            raise HttpError(400, "GET takes no body")
        server = self.server
        match self._path:
            case "/v2" | "/v2/":
                return {"name": "mlsecops-runtime-onnx", "version": __version__, "extensions": []}
            case "/v2/health/live":
                return {"live": True}
            case "/v2/health/ready":
                if not server.ready:
                    raise HttpError(503, "draining" if server.draining else "the model is loading")
                return {"ready": True}
            case "/metrics":
                model = self._loaded()
                return server.metrics.render(model.name, model.version)
        model, rest = self._model()
        if rest == "/infer":
            raise HttpError(405, "infer takes POST")
        if rest == "/ready":
            if not server.ready:
                raise HttpError(503, "draining")
            return {"name": model.name, "ready": True}
        return {
            "name": model.name,
            "versions": [model.version],
            "platform": model.platform,
            "inputs": [tensor.metadata() for tensor in model.inputs],
            "outputs": [tensor.metadata() for tensor in model.outputs],
        }

    def _post(self) -> dict:
        # Read first: an unread body would be taken for the next request on this connection.
        body = self._body()
        model, rest = self._model()
        if rest != "/infer":
            raise HttpError(405, "only infer takes POST")
        if "Inference-Header-Content-Length" in self.headers:
            raise HttpError(400, "the binary tensor data extension is not supported")
        request = parse_infer(body, model.inputs, model.outputs)
        return infer_response(model.name, model.version, request, model.infer(request.inputs, request.outputs))

    def _body(self) -> bytes:
        reading, self.close_connection = self.close_connection, True
        if "Transfer-Encoding" in self.headers:
            raise HttpError(411, "chunked bodies are not supported: send Content-Length")
        lengths = self.headers.get_all("Content-Length", [])
        if not lengths:
            raise HttpError(411, "Content-Length is missing")
        if len(lengths) > 1 or not re.fullmatch("[0-9]{1,18}", lengths[0]):
            raise HttpError(400, "Content-Length is not one number")
        length, limit = int(lengths[0]), self.server.settings.max_body_bytes
        if length > limit:
            self._body_unread = True
            raise HttpError(413, f"the body is {length} bytes; the limit is {limit}")
        try:
            body = self.rfile.read(length)
        except TimeoutError:
            raise HttpError(408, "the body did not arrive in time") from None
        if len(body) < length:
            raise HttpError(400, "the body is shorter than Content-Length")
        self.close_connection = reading
        return body

    def _loaded(self) -> Model:
        if self.server.model is None:
            raise HttpError(503, "the model is loading")
        return self.server.model

    def _model(self) -> tuple[Model, str | None]:
        found = _MODEL_PATH.fullmatch(self._path)
        if not found:
            raise HttpError(404, "no such path")
        model = self._loaded()
        if found["name"] != model.name:
            raise HttpError(404, f"unknown model; this server has: {model.name}")
        if found["version"] not in (None, model.version):
            raise HttpError(404, f"unknown version; model {model.name} has: {model.version}")
        return model, found["rest"]

    def _send_json(self, code: int, document: dict) -> None:
        self._send(code, "application/json", json.dumps(document, allow_nan=False).encode())

    def _send(self, code: int, content_type: str, body: bytes) -> None:
        if self.server.draining:
            self.close_connection = True
        self.connection.settimeout(self.server.settings.request_timeout)
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
