from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest
from zendesk_recorder import Answer, Recorder, SteppedTime, handler_for


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(recorder))
    server.daemon_threads = True
    recorder.base_url = f"http://127.0.0.1:{server.server_address[1]}"
    token = {"access_token": "token-1", "token_type": "bearer", "scope": "read write", "expires_in": 1800}
    recorder.on("POST", "/oauth/tokens", Answer(json=token))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield recorder
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def clock() -> SteppedTime:
    return SteppedTime()
