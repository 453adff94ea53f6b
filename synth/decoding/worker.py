"""Our side of the door to the decoding server: start it, hand it open files, survive whatever it does.

Servers are started on demand, kept for the life of the process and shared between threads (one request at a
time each); a fork of our own process starts its own.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from synth.decoding.patience import children, put_off, waited_seconds

START_SECONDS = 60.0
GRACE_SECONDS = 3.0
"""Time beyond the request's own limit after which the server itself counts as hung."""
TAKE_SECONDS = 3.0
"""Time in which a server must say that it has read a request; one that does not is replaced, and asked once more."""
CODE = "import sys; sys.path.append(sys.argv[1]); from synth.decoding.child import serve; serve(int(sys.argv[2]))"
KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL")


class StuckError(OSError):
    """The server did not even read the request: the file cannot be the cause."""


class _Server:
    """One decoding server and the socket to it."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.door, far = socket.socketpair()
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        root = str(Path(__file__).resolve().parents[2])
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own code
                [sys.executable, "-I", "-c", CODE, root, str(far.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[far.fileno()],
                start_new_session=True,
                env=environment,
            )
        except BaseException:
            self.door.close()
            raise
        finally:
            far.close()
        self.ready = False
        self._held = b""

    def wait(self) -> None:
        """Wait until the server has imported its libraries; OSError when it cannot."""
        if not self.ready:
            try:
                self.ready = self._answer(START_SECONDS) == b"ready\n"
            except OSError:
                self.close()
                raise

    def ask(self, request: dict[str, Any], source: int, target: int) -> dict[str, Any]:
        """Send a request with its two open files; the reply. OSError when the server is gone or hangs."""
        self.door.settimeout(TAKE_SECONDS)
        try:
            socket.send_fds(self.door, [json.dumps(request).encode() + b"\n"], [source, target])
            self._answer(TAKE_SECONDS)
        except TimeoutError as error:
            raise StuckError(f"nothing within {TAKE_SECONDS:g} s") from error
        return dict(json.loads(self._answer(request["limits"]["wall_seconds"] + GRACE_SECONDS)))

    def waited(self) -> float:
        """Seconds that the server and its child have waited for a processor."""
        return sum(map(waited_seconds, [self.process.pid, *children(self.process.pid)]))

    def _answer(self, seconds: float) -> bytes:
        """The next line that the server sends within the time, not counted while it waits for a processor."""
        began, before = time.monotonic(), self.waited()
        ends = began + seconds
        while b"\n" not in self._held:
            self.door.settimeout(max(0.001, ends - time.monotonic()))
            try:
                data = self.door.recv(65536)
            except TimeoutError:
                following = put_off(began, seconds, self.waited() - before)
                if following <= max(ends, time.monotonic()):
                    raise
                ends = following
                continue
            if not data:
                raise OSError("the decoding process ended")
            self._held += data
        answer, _, self._held = self._held.partition(b"\n")
        return answer + b"\n"

    def close(self) -> None:
        """Close the socket, which ends the server, and make sure that it did."""
        self.door.close()
        if self.owner != os.getpid():
            return
        try:
            self.process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


_idle: list[_Server] = []
_lock = threading.Lock()


def decode(request: dict[str, Any], source: int, target: int, *, again: bool = True) -> dict[str, Any]:
    """Decode the open file `source` into the open file `target` behind the door.

    `request` holds "decoder" ("ffmpeg" or "libsndfile"), "suffix" (lower case, with dot) and "limits". The reply
    has "ok"; with it "facts", "rate", "channels", "format", "frames", "sha256", without it "kind", "cause", "cure".
    A server that does not take the request is replaced and asked `again`, once.
    """
    try:
        server = _take()
        server.wait()
    except OSError as error:
        return {
            "ok": False,
            "kind": "start",
            "cause": f"the decoding process could not be started ({error})",
            "cure": f"Check that `{sys.executable} -c 'import av, numpy'` works.",
        }
    try:
        reply = server.ask(request, source, target)
    except StuckError as error:
        _kill(server)
        if again:
            return decode(request, source, target, again=False)
        return {"ok": False, "kind": "start", "cause": f"the decoding process does not answer ({error})", "cure": ""}
    except TimeoutError:
        state = _state(server)
        _kill(server)
        seconds = request["limits"]["wall_seconds"] + GRACE_SECONDS
        return {
            "ok": False,
            "kind": "time",
            "cause": f"got no answer from the decoding process within {seconds:.0f} s{state}",
            "cure": "Try again; if it happens again, the file may be made to hang decoders.",
        }
    except (OSError, ValueError) as error:
        _kill(server)
        return {
            "ok": False,
            "kind": "crash",
            "cause": f"made the decoding process fail ({error})",
            "cure": "Treat the file with care; it may be damaged on purpose.",
        }
    except BaseException:
        server.close()
        raise
    with _lock:
        _idle.append(server)
    return reply


def _state(server: _Server) -> str:
    """What the server and its child were doing, from Linux's /proc, for the error; empty where there is none."""
    said = []
    for pid in [server.process.pid, *children(server.process.pid)][:3]:
        with contextlib.suppress(OSError, IndexError):
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
            said.append(f"{state} in {Path(f'/proc/{pid}/wchan').read_text()}")
    return f" (server and child: {', '.join(said)})" if said else ""


def _kill(server: _Server) -> None:
    """End a server that does not answer, and its child with it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(server.process.pid, signal.SIGKILL)
    server.close()


def start() -> None:
    """Start a server ahead of need, without waiting for it; a failure shows when it is asked."""
    with _lock, contextlib.suppress(OSError):
        if not any(server.owner == os.getpid() for server in _idle):
            _idle.append(_Server())


def _take() -> _Server:
    with _lock:
        while _idle:
            server = _idle.pop()
            if server.owner == os.getpid() and server.process.poll() is None:
                return server
            server.door.close()
    return _Server()


def shut() -> None:
    """End every idle server; the next request starts a new one."""
    with _lock:
        servers, _idle[:] = list(_idle), []
    for server in servers:
        server.close()


atexit.register(shut)
