"""A Temporal server of our own for development and tests: the CLI's `server start-dev` with its UI."""

from __future__ import annotations

import json
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.dev.children import Child, Ports, ServiceFailed
from infra.search_attributes import SEARCH_ATTRIBUTES

NAMESPACE = "default"


class EmbeddedTemporal:
    """Temporal on 127.0.0.1; with `durable` everything is kept in `state/temporal.db`, else it is forgotten at the end.

    Every namespace ("default" and those asked for) has Mailroom's search attributes.
    """

    def __init__(
        self,
        state: Path,
        ports: Ports,
        *,
        durable: bool = True,
        more_namespaces: Sequence[str] = (),
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._state = state
        self._ports = ports
        self._durable = durable
        self._namespaces = [NAMESPACE, *more_namespaces]
        self._environ = environ
        self.child = Child(state, "temporal")
        self.address = ""
        self.ui = ""

    def start(self, binary: Path) -> None:
        """Ends what a killed owner left running, starts anew and waits until all namespaces answer; blocks.

        Ports: MAILROOM_TEMPORAL_PORT and MAILROOM_UI_PORT, else those kept in the state folder. Raises ServiceFailed.
        """
        self.stop()
        port = self._ports.choose("temporal", wanted=_port(self._environ, "MAILROOM_TEMPORAL_PORT"))
        ui_port = self._ports.choose("temporal-ui", wanted=_port(self._environ, "MAILROOM_UI_PORT"))
        command = [str(binary), "server", "start-dev", "--ip", "127.0.0.1", "--log-level", "warn"]
        command += ["--port", str(port), "--ui-port", str(ui_port), "--ui-disable-news-fetch"]
        # By default a timer of less than a second takes a second.
        command += ["--dynamic-config-value", 'history.timerProcessorMaxTimeShift="10ms"']
        # The tests' servers have a namespace per test process, dashboards and batches ask often.
        command += ["--dynamic-config-value", "frontend.namespaceRPS.visibility=1000"]
        # Off by default: hosts with few accounts have their turn beside a host with thousands.
        command += ["--dynamic-config-value", "matching.enableFairness=true"]
        for name, kind in SEARCH_ATTRIBUTES.items():
            command += ["--search-attribute", f"{name}={kind}"]
        for namespace in self._namespaces[1:]:
            command += ["--namespace", namespace]
        if self._durable:
            command += ["--db-filename", str(self._state / "temporal.db")]
        self.child.start(command, environ=self._environ)
        self.address, self.ui = f"127.0.0.1:{port}", f"http://127.0.0.1:{ui_port}"
        try:
            self.child.wait_until(self._answers, seconds=120)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends the server; returns when it is gone; blocks."""
        self.child.end(ask=signal.SIGINT, patience=20)

    def _answers(self) -> bool:
        """Whether every namespace is there with its search attributes, asked through the UI, which people open next."""
        for namespace in self._namespaces:
            try:
                with urllib.request.urlopen(
                    f"{self.ui}/api/v1/namespaces/{namespace}/search-attributes", timeout=5
                ) as reply:
                    registered = json.load(reply).get("customAttributes", {})
            except (OSError, ValueError, urllib.error.URLError):
                return False
            if not registered.keys() >= SEARCH_ATTRIBUTES.keys():
                return False
        return True


def _port(environ: Mapping[str, str], name: str) -> int | None:
    value = environ.get(name)
    if not value:
        return None
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise ServiceFailed(f"{name} is not a TCP port: set it to a number from 1 to 65535, or leave it unset")
    return int(value)
