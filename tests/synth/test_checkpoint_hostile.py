"""Hostile checkpoints: nothing in them runs, none of them takes much memory, each gives a clear error."""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="checkpoints are not tested: torch (extra `train`) is not installed")

from checkpoint_files import GPT_CONFIG, archive, gpt_checkpoint, put, sovits_checkpoint, tagged  # noqa: E402

from synth.checkpoint import Checkpoint, read_checkpoint, write_checkpoint  # noqa: E402
from synth.checkpoint.container import Container  # noqa: E402
from synth.checkpoint.pickled import LARGEST, MOST_STEPS, read_pickle  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402

RAN = "it-ran"
MUCH = 24 << 20


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, in which the payloads would create the file `it-ran`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def extension() -> Iterator[None]:
    """os.mkdir under number 1 of pickle's extension registry."""
    copyreg.add_extension("posix", "mkdir", 1)
    yield
    copyreg.remove_extension("posix", "mkdir", 1)


def refused(data: bytes, words: str | None = None) -> VoxproofError:
    """The error that the file gives; nothing was created."""
    path = put(Path.cwd(), data)
    with pytest.raises(VoxproofError, match=words) as caught:
        read_checkpoint(path)
    assert not Path(RAN).exists()
    assert caught.value.path == str(path)
    return caught.value


def refused_cheaply(data: bytes, words: str | None = None) -> None:
    """The same, and no memory to speak of was taken."""
    path = put(Path.cwd(), data)
    del data
    tracemalloc.start()
    try:
        with pytest.raises(VoxproofError, match=words):
            read_checkpoint(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MUCH


# --- programs in the pickle -------------------------------------------------------------------------------------------


class Payload:
    """A value whose unpickling calls `call`."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.call = call, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


class FromState:
    """A value whose unpickling runs __setstate__ (BUILD)."""

    def __getstate__(self) -> dict[str, int]:
        return {"a": 1}

    def __setstate__(self, state: dict[str, int]) -> None:
        Path(RAN).mkdir()


PAYLOADS = {
    "os.system": Payload(os.system, f"mkdir {RAN}"),
    "os.mkdir": Payload(os.mkdir, RAN),
    "eval": Payload(eval, f"__import__('os').mkdir('{RAN}')"),
    "exec": Payload(exec, f"import os; os.mkdir('{RAN}')"),
    "open": Payload(open, RAN, "w"),
    "torch.load": Payload(torch.save, 1, RAN),
    "getattr": Payload(getattr, Payload(__import__, "os"), "mkdir"),
    "state": FromState(),
}
PLACES: dict[str, Callable[[Any], Any]] = {
    "everything": lambda payload: payload,
    "beside the weights": lambda payload: contents() | {"more": payload},
    "configuration": lambda payload: contents() | {"config": {"model": GPT_CONFIG["model"] | {"head": payload}}},
    "weights": lambda payload: contents() | {"weight": {"model.a": payload}},
    "info": lambda payload: contents() | {"info": payload},
}


def contents() -> dict[str, Any]:
    checkpoint = gpt_checkpoint()
    return {"weight": dict(checkpoint.weight), "config": checkpoint.config, "info": checkpoint.info}


def saved(value: Any, container: str) -> bytes:
    made = io.BytesIO()
    torch.save(value, made, _use_new_zipfile_serialization=container != "stream")
    data = made.getvalue()
    return tagged(data, container.encode()) if container.isdigit() else data


@pytest.mark.parametrize("container", ["PK", "stream", "05", "03"])
@pytest.mark.parametrize("place", PLACES)
def test_a_call_is_refused_wherever_it_stands(container: str, place: str, here: Path) -> None:
    data = saved(PLACES[place](PAYLOADS["os.mkdir"]), container)
    error = refused(data, "the checkpoint asks for 'posix.mkdir', which no checkpoint of these models needs")
    assert "Nothing of it was run" in error.cure


@pytest.mark.parametrize("container", ["PK", "stream"])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_every_payload_is_live_elsewhere_and_dead_here(payload: str, container: str, here: Path) -> None:
    refused(saved(PAYLOADS[payload], container), "the checkpoint asks for ")
    if payload != "getattr":  # that one only fetches a function
        pickle.loads(pickle.dumps(PAYLOADS[payload]))  # noqa: S301 (shows that the payload works)
        assert Path(RAN).exists()


MKDIR = b"cposix\nmkdir\n"
NAME = b"X\x06\x00\x00\x00" + RAN.encode()
PROGRAMS = {
    "GLOBAL": b"\x80\x02" + MKDIR + NAME + b"\x85R.",
    "INST": b"(" + NAME + b"iposix\nmkdir\n.",
    "OBJ": b"\x80\x02(" + MKDIR + NAME + b"o.",
    "STACK_GLOBAL": b"\x80\x04\x8c\x05posix\x8c\x05mkdir\x93\x8c\x06" + RAN.encode() + b"\x85R.",
    "NEWOBJ": b"\x80\x02cpathlib\nPath\n" + NAME + b"\x85\x81.",
    "NEWOBJ_EX": b"\x80\x04cpathlib\nPath\n" + NAME + b"\x85}\x92.",
    "EXT1": b"\x80\x02\x82\x01" + NAME + b"\x85R.",
    "EXT2": b"\x80\x02\x83\x01\x00" + NAME + b"\x85R.",
    "EXT4": b"\x80\x02\x84\x01\x00\x00\x00" + NAME + b"\x85R.",
    "PERSID": b"Pposix.mkdir\n.",
    "BINPERSID of a call": b"\x80\x02" + MKDIR + NAME + b"\x85RQ.",
    "BINPERSID in BINPERSID": b"\x80\x02(X\x07\x00\x00\x00storage" + MKDIR + NAME + b"\x85RQtQ.",
    "BUILD": b"\x80\x02cutils\nHParams\n)\x81}X\x01\x00\x00\x00a" + MKDIR + NAME + b"\x85Rsb.",
    "POP": b"\x80\x02" + MKDIR + NAME + b"\x85R0N.",
    "DUP": b"\x80\x02" + MKDIR + b"2" + NAME + b"\x85R.",
    "REDUCE of a fetched name": b"\x80\x02" + MKDIR + b"q\x00" + b"]h\x00a0h\x00" + NAME + b"\x85R.",
    "a dotted name": b"\x80\x02cutils\nHParams.__init__.__globals__\n.",
    "a name of two lines": b"\x80\x02cutils\nHParams \nmkdir\n.",
}
RUNS = ("GLOBAL", "INST", "OBJ", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4", "POP")


@pytest.mark.usefixtures("extension")
@pytest.mark.parametrize("around", [archive, lambda p: tagged(archive(p), b"06"), lambda p: stream(p)])
@pytest.mark.parametrize("program", PROGRAMS)
def test_no_instruction_runs(program: str, around: Callable[[bytes], bytes], here: Path) -> None:
    error = refused(around(PROGRAMS[program]), "the checkpoint( asks for|'s pickle has the instruction)")
    assert "Nothing of it was run" in error.cure
    if program in RUNS:
        pickle.loads(PROGRAMS[program])  # noqa: S301 (shows that the program works)
        assert Path(RAN).exists()


def stream(pickled: bytes) -> bytes:
    """The old container around any pickle."""
    start = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    return b"".join(start) + pickled + pickle.dumps([], 2)


def test_allowed_names_cannot_be_called_with_anything_else(here: Path) -> None:
    for call in (
        b"ccollections\nOrderedDict\n" + NAME + b"\x85R.",
        b"ctorch._utils\n_rebuild_tensor_v2\n)R.",
        b"ctorch._utils\n_rebuild_parameter\nNN\x86R.",
        b"ctorch\nFloatStorage\nK\x05\x85R.",
        b"cutils\nHParams\n" + NAME + b"\x85\x81.",
        b"cutils\nHParams\n)R.",
        b"ccollections\nOrderedDict\n)\x81.",
        b"ccollections\nOrderedDict\n}b.",
        b"NR.",
        b"NNR.",
        b"N)\x81.",
    ):
        refused(archive(b"\x80\x02" + call), "the checkpoint's table of contents is broken")
    refused(archive(b"\x80\x02X\x03\x00\x00\x00abcQ."), "the checkpoint refers to something that is no tensor")


# --- sizes that lie ---------------------------------------------------------------------------------------------------


def tensor(count: int, shape: tuple[int, ...], stride: tuple[int, ...], offset: int = 0, key: str = "0") -> bytes:
    """The pickle of one tensor."""

    def number(n: int) -> bytes:
        raw = n.to_bytes(9, "little", signed=True)
        return b"\x8a" + bytes([len(raw)]) + raw

    name = b"X" + len(key).to_bytes(4, "little") + key.encode()
    storage = (
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\n" + name + b"X\x03\x00\x00\x00cpu" + number(count) + b"tQ"
    )
    tuples = b"".join(b"(" + b"".join(map(number, t)) + b"t" for t in (shape, stride))
    rest = b"\x89ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(offset) + tuples + rest + b"tR"


def table(*tensors: bytes) -> bytes:
    """A pickle with a GPT's configuration and these weights."""
    names = [b"X" + struct.pack("<I", len(n)) + n for n in (f"model.t{i}".encode() for i in range(len(tensors)))]
    weights = b"}(" + b"".join(n + t for n, t in zip(names, tensors, strict=True)) + b"u"
    return b"\x80\x02}(X\x06\x00\x00\x00weight" + weights + b"X\x04\x00\x00\x00info" + b"X\x00\x00\x00\x00u."


@pytest.mark.parametrize(
    "lie",
    [
        tensor(4, (1 << 40,), (0,)),
        tensor(4, (1 << 24, 1 << 24), (0, 0)),
        tensor(4, (5,), (1,)),
        tensor(4, (2,), (4,)),
        tensor(4, (2,), (1,), offset=3),
        tensor(4, (4,), (1,), offset=1 << 47),
    ],
)
def test_a_tensor_larger_than_its_numbers_is_refused(lie: bytes, here: Path) -> None:
    refused_cheaply(archive(table(lie), {"0": bytes(16)}), "does not fit into the 4 numbers stored for it")


@pytest.mark.parametrize(
    "lie",
    [
        tensor(4, (-1,), (1,)),
        tensor(4, (1 << 50,), (1,)),
        tensor(-4, (1,), (1,)),
        tensor(4, (1,) * 9, (1,) * 9),
        tensor(4, (1, 1), (1,)),
    ],
)
def test_a_tensor_of_impossible_shape_is_refused(lie: bytes, here: Path) -> None:
    refused(archive(table(lie), {"0": bytes(16)}), "the checkpoint's table of contents is broken")


def with_replaced(**replaced: bytes) -> bytes:
    """A good GPT whose storages are replaced or (None) left out."""
    made = io.BytesIO()
    torch.save(contents(), made)
    out = io.BytesIO()
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            key = name.rsplit("/", 1)[-1]
            data = replaced.get(f"s{key}", old.read(name)) if "/data/" in name else old.read(name)
            if data != b"absent":
                new.writestr(name, data)
    return out.getvalue()


def test_storages_must_be_there_in_the_announced_size(here: Path) -> None:
    refused(with_replaced(s3=b""), "has 0 bytes where 2 were announced")
    refused(with_replaced(s3=bytes(64)), "has 64 bytes where 2 were announced")
    refused(with_replaced(s3=b"absent"), "the archive has no member")


def test_many_tensors_of_one_storage_cannot_multiply_memory(here: Path) -> None:
    good = dict(gpt_checkpoint().weight)
    big = torch.zeros(1 << 16)
    stem = "model.h.layers.0.linear1.weight"
    for name in good:
        good[name] = big[: good[name].numel()].view(good[name].shape) if name != stem else good[name]
    made = io.BytesIO()
    torch.save({"weight": good, "config": GPT_CONFIG, "info": ""}, made)
    path = put(here, made.getvalue())
    assert read_checkpoint(path).weight["model.bert_proj.bias"].untyped_storage().nbytes() == 64
    with Container(path) as file:
        stored = next(iter(file.data["weight"].values()))
        affordable = 2 * path.stat().st_size // (stored.numbers * 4)
        for _ in range(affordable):
            file.tensor(stored)
        with pytest.raises(VoxproofError, match="the tensors together are larger than the file"):
            file.tensor(stored)


def test_compressed_members_are_refused_unread(here: Path) -> None:
    bomb = archive(b"\x80\x02N.", {"0": bytes(64 << 20)}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < 1 << 17
    refused_cheaply(bomb, "is compressed or encrypted, which torch.save never does")


def test_a_large_table_of_contents_is_refused_unread(here: Path) -> None:
    refused_cheaply(archive(b"\x80\x02" + b"N" * (LARGEST + 1)), "more than the 2097152 it can need")
    refused(archive(b"\x80\x02" + b"N" * MOST_STEPS + b"."), "far too long")


def zip64(count: int, size: int, start: int) -> bytes:
    """A small archive whose zip64 record says these things of its directory."""
    data = archive(b"\x80\x02N.")
    record = b"PK\x06\x06" + struct.pack("<Q2H2I4Q", 44, 45, 45, 0, 0, count, count, size, start)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, len(data) - 22, 1)
    return data[:-22] + record + locator + data[-22:]


@pytest.mark.parametrize("lie", [(1 << 60, 100, 0), (3, 1 << 60, 0), (3, 100, 1 << 63), (19_999, 100, 0), (0, 0, 0)])
def test_a_lying_directory_is_refused(lie: tuple[int, int, int], here: Path) -> None:
    refused_cheaply(zip64(*lie))


def test_members_may_not_lie_over_each_other_or_be_twice(here: Path) -> None:
    data = archive(b"\x80\x02N.", {"0": bytes(100), "1": bytes(100)})
    at = [i for i in range(len(data)) if data[i : i + 4] == b"PK\x01\x02"]
    first = data[at[2] + 42 : at[2] + 46]
    refused(data[: at[3] + 42] + first + data[at[3] + 46 :], "lie over each other")
    refused(data.replace(b"archive/data/1", b"archive/data/0"), "two members called 'archive/data/0'")


def test_wrong_ends_are_refused(here: Path) -> None:
    data = archive(b"\x80\x02N.")
    refused(data + b"x", "last record is missing. It is cut off, or something was appended")
    refused(data[:-1], "last record is missing")
    refused(data[:3], "is no checkpoint")
    refused(data[:4], "the file ends before its contents do")
    refused(b"<html>", "is no checkpoint: it begins neither")
    refused(b"", r"is empty \(0 bytes\)")
    refused(stream(b"\x80\x02N.")[:-1], "ends before its contents do")
    refused(stream(b"\x80\x02N.") + b"x", "goes on after them")
    refused(pickle.dumps(3, 2), "is a pickle, but not one of torch.save")
    refused(pickle.dumps(3, 4), "is written in pickle protocol 4|which torch.save does not write")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_layer", 10**9), ("hidden_dim", 10**6), ("head", 0), ("head", -1), ("head", "16"), ("n_layer", True),
        ("vocab_size", 1e9), ("phoneme_vocab_size", None), ("head", 3), ("EOS", 7),
        ("dropout", []), ("dropout", 2.0), ("dropout", float("nan")),
    ],
)  # fmt: skip
def test_a_configuration_cannot_ask_for_a_huge_or_odd_model(key: str, value: Any, here: Path) -> None:
    data = contents() | {"config": {"model": GPT_CONFIG["model"] | {key: value}}}
    assert refused(saved(data, "PK")).cure


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_layers", 10**9), ("inter_channels", 7), ("upsample_rates", [10**9]), ("upsample_rates", [1] * 99),
        ("resblock_dilation_sizes", [[[[1]]]]), ("gin_channels", 0), ("n_heads", 5), ("kernel_size", "3"),
        ("resblock_kernel_sizes", 3), ("upsample_initial_channel", 1), ("filter_channels", 2.5), ("p_dropout", "x"),
        ("p_dropout", 2.0), ("p_dropout", float("nan")),
        ("semantic_frame_rate", "50hz"), ("inter_channels", 8192),
    ],
)  # fmt: skip
def test_nor_a_configuration_of_sovits(key: str, value: Any, here: Path) -> None:
    checkpoint = sovits_checkpoint()
    config = {"model": {**checkpoint.config["model"], key: value}}
    assert refused(saved({"weight": dict(checkpoint.weight), "config": config, "info": ""}, "PK")).cure


def test_a_configuration_may_not_be_endless(here: Path) -> None:
    doubled: list[Any] = ["x"]
    for _ in range(40):
        doubled = [doubled, doubled]
    around: dict[str, Any] = {}
    around["self"] = around
    for config in (doubled, {"model": around}, {"model": ["y" * 1000] * 5000}, {"model": list(range(30_000))}):
        refused(saved(contents() | {"config": config}, "PK"), "configuration is endless")
    refused(saved(contents() | {"config": {"model": float("nan")}}, "PK"), "has a value of the kind float")


def test_copies_of_fields_are_counted(here: Path) -> None:
    fields = b"}(" + b"".join(b"X\x04\x00\x00\x00%04dN" % i for i in range(999)) + b"uq\x000"[:-1]
    many = b"(" + fields + b"cutils\nHParams\nq\x01" + b"h\x01)\x81h\x00b" * 3000 + b"t."
    refused(archive(b"\x80\x02" + many), "more than 20000 fields")


# --- damage -----------------------------------------------------------------------------------------------------------


@cache
def small(container: str) -> tuple[bytes, Checkpoint]:
    if container == "stream":
        return saved(contents(), container), gpt_checkpoint()
    path = Path.cwd() / "whole.ckpt"
    write_checkpoint(gpt_checkpoint(), path)
    data = path.read_bytes()
    path.unlink()
    return data, gpt_checkpoint()


def check_damaged(data: bytes, whole: Checkpoint, has_checksums: bool) -> None:
    """Damage gives a VoxproofError or changes nothing that matters."""
    path = put(Path.cwd(), data)
    with suppress(VoxproofError):
        read = read_checkpoint(path)
        if has_checksums:
            assert read.config == whole.config
            assert all(torch.equal(read.weight[name], value) for name, value in whole.weight.items())
    assert not Path(RAN).exists()


BOUNDED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], print_blob=True
)


@pytest.mark.parametrize("container", ["PK", "stream"])
@BOUNDED
@given(st.data())
def test_flipped_bytes_are_an_error_or_harmless(container: str, here: Path, data: st.DataObject) -> None:
    whole, checkpoint = small(container)
    damaged = bytearray(whole)
    table_end = 6000  # the table of contents stands in front, the archive's directory at the end
    places = st.one_of(st.integers(0, table_end), st.integers(-table_end, -1), st.integers(0, len(whole) - 1))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(places)] = data.draw(st.integers(0, 255))
    check_damaged(bytes(damaged), checkpoint, container == "PK")


@pytest.mark.parametrize("container", ["PK", "stream"])
@BOUNDED
@given(st.data())
def test_a_cut_or_lengthened_file_is_an_error(container: str, here: Path, data: st.DataObject) -> None:
    whole, _ = small(container)
    cut = data.draw(st.integers(0, len(whole) - 1))
    refused_quietly(whole[:cut])
    refused_quietly(whole + data.draw(st.binary(min_size=1, max_size=50)))


def refused_quietly(data: bytes) -> None:
    with pytest.raises(VoxproofError):
        read_checkpoint(put(Path.cwd(), data))


@BOUNDED
@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_as_a_pickle_are_an_error_or_plain(data: bytes, tame: bool) -> None:
    if tame:  # only instructions that are known, so that more of them are obeyed
        known = b"(.)]}NRQ\x81\x85\x86\x87\x88\x89abestuKhq"
        data = b"\x80\x02" + bytes(known[byte % len(known)] for byte in data) + b"."
    with suppress(VoxproofError):
        read_pickle(data)
