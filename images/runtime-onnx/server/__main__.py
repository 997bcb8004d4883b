"""Start, load, serve, drain: the life of the process."""

import json
import logging
import os
import signal
import sys
import threading
import time

from .model import Model, ModelError, find_model
from .settings import parse
from .web import InferenceServer

_log = logging.getLogger("server")


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {"time": self.formatTime(record), "level": record.levelname.lower(), "msg": record.getMessage()}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


def main() -> int:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    settings = parse(sys.argv[1:])

    # The interpreter itself writes to the pipe. A handler in Python would run in the middle of anything, also while
    # the lock that it needs is held.
    wait, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)

    # Listens before the model is there: alive, but not ready. A large model takes longer to load than a liveness
    # probe waits.
    server = InferenceServer(settings)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    try:
        server.model = Model(find_model(settings.model_dir), settings.model_name, settings.threads)
    except ModelError as error:
        _log.error("%s", error)
        return 1
    _log.info("serving %s version %s on port %d", server.model.name, server.model.version, server.server_port)

    os.read(wait, 1)
    # Kubernetes takes the pod out of its endpoints while it sends the signal: until every node knows, requests come.
    server.draining = True
    _log.info("draining for %.1f s", settings.drain_seconds)
    time.sleep(settings.drain_seconds)
    server.shutdown()
    server.server_close()
    if not server.wait_until_idle(settings.request_timeout):
        _log.warning("requests were cut off")
        return 1
    _log.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
