"""A server of the runtime image, run from its sources in the training environment, and a client without mercy."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import onnx
from onnx import TensorProto, helper

REPOSITORY = Path(__file__).resolve().parents[2]
RUNTIME = REPOSITORY / "images/runtime-onnx"


class Server:
    """Started on a free port; its log is kept for assertions."""

    def __init__(self, model_dir: Path, *flags: str, command: list[str] | None = None, **environment: str):
        self.log: list[str] = []
        self.port = 0
        self._ready = threading.Event()
        self.process = subprocess.Popen(
            [*(command or [sys.executable, "-B", "-m", "server"]), "--port", "0", *flags],
            cwd=RUNTIME,
            env={"PATH": os.environ["PATH"], "MODEL_DIR": str(model_dir), **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stderr:
            self.log.append(line)
            if found := re.search(r"serving .* on port (\d+)", line):
                self.port = int(found[1])
                self._ready.set()
        self._ready.set()

    def wait(self) -> "Server":
        if not self._ready.wait(20) or not self.port:
            self.process.kill()
            raise AssertionError("the server did not start:\n" + "".join(self.log))
        return self

    def exit_code(self, seconds: float = 20) -> int:
        code = self.process.wait(seconds)
        self._reader.join(5)
        return code

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.exit_code()
        self.process.stderr.close()
        return code

    def request(self, method: str, path: str, body: object = None, headers: dict | None = None) -> tuple[int, object]:
        """A body that is neither bytes nor None is sent as JSON; a JSON answer is parsed."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            content = response.read()
            is_json = response.headers.get_content_type() == "application/json"
            return response.status, json.loads(content) if is_json else content.decode()
        finally:
            connection.close()


def train(version: int) -> Path:
    output = Path(tempfile.mkdtemp(prefix="mlsecops-model-"))
    subprocess.run([sys.executable, REPOSITORY / "demo/model/train.py", str(version), output], check=True)
    return output


def identity_model(directory: Path) -> Path:
    """One input and output for each of some datatypes; an output that is NaN for a negative number; a table of two."""
    types = {
        "fp32": TensorProto.FLOAT,
        "fp64": TensorProto.DOUBLE,
        "int64": TensorProto.INT64,
        "int32": TensorProto.INT32,
        "uint8": TensorProto.UINT8,
        "bool": TensorProto.BOOL,
        "bytes": TensorProto.STRING,
        "index": TensorProto.INT32,
    }
    inputs = [helper.make_tensor_value_info(f"{name}_in", kind, ["n", 2]) for name, kind in types.items()]
    outputs = [helper.make_tensor_value_info(f"{name}_out", kind, ["n", 2]) for name, kind in types.items()]
    nodes = [helper.make_node("Identity", [f"{name}_in"], [f"{name}_out"]) for name in types]
    outputs.append(helper.make_tensor_value_info("root", TensorProto.FLOAT, ["n", 2]))
    nodes.append(helper.make_node("Sqrt", ["fp32_in"], ["root"]))
    outputs.append(helper.make_tensor_value_info("gathered", TensorProto.FLOAT, ["n", 2]))
    nodes.append(helper.make_node("Gather", ["table", "index_in"], ["gathered"]))
    table = helper.make_tensor("table", TensorProto.FLOAT, [2], [0.0, 1.0])
    graph = helper.make_graph(nodes, "types", inputs, outputs, [table])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    path = directory / "types.onnx"
    onnx.save(model, path)
    return path
