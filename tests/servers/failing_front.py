"""A front before a real web server that answers for it as it is told to, and passes everything else on."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from tests.servers.failing_http import Answer, FailingServer, Request

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}


class FailingFront(FailingServer):
    """Used as `with`; `url` stands for the `url` that it was given, path included."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._target = urlsplit(url)

    @property
    def url(self) -> str:
        return super().url + self._target.path

    def usual(self, request: Request) -> Answer:
        connection = http.client.HTTPConnection(self._target.netloc, timeout=60)
        try:
            connection.request(request.method, request.target, request.content, dict(request.headers))
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
            return Answer(answer.status, kept, answer.read())
        finally:
            connection.close()
