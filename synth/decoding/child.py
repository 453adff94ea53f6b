"""The far side of the door: a small server that forks one child per file, each with its own limits.

The server only imports the libraries; it never parses anything. A child gets the open exhibit and the open
working copy as descriptors, gives up the right to open anything else (RLIMIT_NOFILE 0, so no file and no
socket), and has limits on memory, processor time and file size. A child that crashes or explodes costs one
reply; and no exhibit can leave anything behind in the process that decodes the next one.
Started by `worker` as `python -I -c …`; needs POSIX.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import select
import signal
import socket
import time
from typing import Any

from synth.decoding.patience import put_off, waited_seconds

LONGEST_MESSAGE = 1 << 20
TAKEN = b"taken\n"
"""Sent as soon as a request is read, so that a server that is stuck can be told from a file that takes long."""
DYING_SECONDS = 1.0
"""Time that a killed child gets to disappear; the answer does not wait longer for it."""


def serve(descriptor: int) -> None:
    """Answer requests on a Unix socket until the other side closes it."""
    from synth.decoding import ffmpeg

    ffmpeg.import_everything()
    door = socket.socket(fileno=descriptor)
    door.sendall(b"ready\n")
    while True:
        message, descriptors = _receive(door)
        if not message:
            return
        request = json.loads(message)
        if request["decoder"] == "libsndfile":
            from synth.decoding import libsndfile  # noqa: F401  (before the fork: afterwards nothing can be opened)
        door.sendall(TAKEN)
        reply = _fork(request, descriptors, door)
        for each in descriptors:
            os.close(each)
        if reply is None:
            return
        door.sendall(json.dumps(reply).encode() + b"\n")


def _receive(door: socket.socket) -> tuple[bytes, list[int]]:
    message, descriptors = b"", []
    while not message.endswith(b"\n"):
        data, received, _, _ = socket.recv_fds(door, 65536, 4)
        descriptors += received
        if not data or len(message) > LONGEST_MESSAGE:
            return b"", descriptors
        message += data
    return message, descriptors


def _fork(request: dict[str, Any], descriptors: list[int], door: socket.socket) -> dict[str, Any] | None:
    """Decode in a fork; its reply, or what became of it. None when nobody waits for the reply any more."""
    source, target = descriptors
    inlet, outlet = os.pipe()
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            os.close(inlet)
            door.close()
            reply = _limited(request, source, target)
            data = json.dumps(reply).encode()
            while data:
                data = data[os.write(outlet, data) :]
            code = 0
        finally:
            os._exit(code)
    os.close(outlet)
    deadline = began + request["limits"]["wall_seconds"]
    waited = 0.0
    parts: list[bytes] = []
    late = abandoned = False
    while True:
        ready, _, _ = select.select([inlet, door.fileno()], [], [], max(0.0, deadline - time.monotonic()))
        if inlet in ready:
            data = os.read(inlet, 65536)
            waited = max(waited, waited_seconds(pid))
            if not data:
                break
            parts.append(data)
            if sum(map(len, parts)) <= LONGEST_MESSAGE:
                continue
        elif door.fileno() in ready:
            abandoned = True
        else:
            following = put_off(began, request["limits"]["wall_seconds"], waited_seconds(pid))
            if following > deadline and following > time.monotonic():
                deadline = following
                continue
            late = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        break
    os.close(inlet)
    ended = _wait(pid, deadline if not (late or abandoned) else time.monotonic() + DYING_SECONDS)
    if ended is None:
        late = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        ended = _wait(pid, time.monotonic() + DYING_SECONDS)
    if abandoned:
        return None
    if ended is None:
        return _verdict(0, True, b"", request["limits"])
    status, usage = ended
    reply = _verdict(status, late, b"".join(parts), request["limits"])
    unit = 1 if os.uname().sysname == "Darwin" else 1024
    reply["usage"] = {
        "peak_bytes": usage.ru_maxrss * unit,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "wall_seconds": time.monotonic() - began,
        "waited_seconds": waited,
    }
    return reply


def _wait(pid: int, deadline: float) -> tuple[int, resource.struct_rusage] | None:
    """Exit status and usage of the child, or None when it is still there at the deadline.

    A closed pipe does not mean a dead child, and a killed one stays while the kernel holds it (a stalled disk):
    waiting for either without an end would leave the asking side without an answer.
    """
    pause = 0.0005
    while True:
        found, status, usage = os.wait4(pid, os.WNOHANG)
        if found:
            return status, usage
        if time.monotonic() >= deadline:
            return None
        time.sleep(pause)
        pause = min(0.02, 2 * pause)


def _verdict(status: int, late: bool, data: bytes, limits: dict[str, Any]) -> dict[str, Any]:
    if late:
        return _failure(
            "time", f"took longer than {limits['wall_seconds']:.0f} s to decode", "Raise Limits.wall_seconds."
        )
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return _failure("time", "took too much processor time to decode", "Raise Limits.wall_seconds.")
        name = signal.Signals(number).name if number in signal.Signals.__members__.values() else str(number)
        return _failure(
            "crash", f"made the decoder crash ({name})", "Treat the file with care; it may be damaged on purpose."
        )
    try:
        reply = json.loads(data)
    except ValueError:
        return _failure("crash", "made the decoder stop without an answer", "The file is probably damaged.")
    return dict(reply)


def _failure(kind: str, cause: str, cure: str = "") -> dict[str, Any]:
    return {"ok": False, "kind": kind, "cause": cause, "cure": cure}


def _limited(request: dict[str, Any], source: int, target: int) -> dict[str, Any]:
    """Put on the limits and decode; every Python-level trouble becomes a failure in words."""
    from synth.decoding.sink import RefusedError, Sink

    limits = request["limits"]
    seconds = int(limits["wall_seconds"]) + 1
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, int(limits["memory_bytes"])),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, int(limits["decoded_bytes"]) + (1 << 20)),
        (resource.RLIMIT_NOFILE, 0),
    ):
        _, hard = resource.getrlimit(what)
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS has no working RLIMIT_AS
            resource.setrlimit(what, (most, most))
    try:
        if request["decoder"] == "libsndfile":
            from synth.decoding.libsndfile import decode
        else:
            from synth.decoding.ffmpeg import decode
        sink = Sink(target, limits)
        facts = decode(request, source, sink)
        if not sink.frames:
            return _failure("empty", "holds no sound (zero samples)")
        digest = sink.finish()
        if sink.senseless:
            facts["notes"].append(
                f"{sink.senseless} samples are not finite numbers, or beyond 2^20 times full scale; read as zero"
            )
        return {
            "ok": True,
            "facts": facts,
            "rate": sink.rate,
            "channels": sink.channels,
            "format": sink.format,
            "frames": sink.frames,
            "effective_bits": sink.effective_bits(),
            "sha256": digest,
        }
    except RefusedError as refused:
        return _failure(refused.kind, refused.cause, refused.cure)
    except MemoryError:
        return _failure(
            "memory",
            f"needs more than {limits['memory_bytes'] / 2**20:.0f} MiB to decode",
            "It may be damaged on purpose; raise Limits.memory_bytes if you trust it.",
        )
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _failure("space", "its working copy does not fit on the disk", "Point TMPDIR at a larger disk.")
        if error.errno == errno.EFBIG:
            return _failure("limit", "decodes to more than the limit", "Raise Limits.decoded_bytes.")
        return _failure("broken", f"could not be decoded ({error.strerror or error})")
    except Exception as error:  # the last fence of an isolated process: whatever it was, it becomes one reply
        return _failure("broken", f"could not be decoded ({type(error).__name__}: {str(error)[:200]})")
