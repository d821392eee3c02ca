"""The HTTP gateway of a cluster, and a plain HTTP client for it."""
import dataclasses
import http.client
import json

from .processes import Process, free_ports
from .waiting import wait_for


@dataclasses.dataclass(frozen=True)
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    def __getitem__(self, header):
        return self.headers[header]


class Gateway:
    """A trellis-gateway of `cluster` on a free port; it ends with stop()."""

    def __init__(self, cluster, *flags, ready=True):
        self.port = free_ports(1)[0]
        brokers = [flag for frontend in cluster.frontends for flag in ("-b", frontend)]
        self.process = Process("trellis-gateway", "--listen", f"127.0.0.1:{self.port}", *brokers, *flags,
                               log=cluster.folder / f"gateway-{self.port}.log")
        if ready:
            wait_for(self.is_ready, "the gateway to be ready", 20)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def is_ready(self):
        try:
            return self.get("/readyz").status == 200
        except OSError:
            return False

    def connection(self, timeout=30):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, method, path, body=None, timeout=30, **headers):
        """Underscores in header names stand for dashes. A body that is no text or bytes is sent as JSON."""
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        connection = self.connection(timeout)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return Response(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def put(self, path, body, **headers):
        return self.request("PUT", path, body, **headers)

    def stop(self):
        if self.process.is_running:
            self.process.kill()
