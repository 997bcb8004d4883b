"""One ONNX model, loaded once and run by ONNX Runtime."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from .protocol import BadRequest, Tensor

# Fatal only: all else is raised, and logged once, in one format.
ort.set_default_logger_severity(4)

# What ONNX Runtime says of a model that says nothing of its version.
_NO_VERSION = 2**63 - 1

_DATATYPES = {
    "bool": "BOOL",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "float16": "FP16",
    "float": "FP32",
    "double": "FP64",
    "string": "BYTES",
}


class ModelError(Exception):
    """The model cannot be served; the message is for the operator of the server."""


class Model:
    # The protocol's word for ONNX.
    platform = "onnx_onnxv1"

    def __init__(self, path: Path, name: str | None, threads: int):
        options = ort.SessionOptions()
        # ONNX Runtime would take every core of the node, whatever the container's limit is.
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        try:
            self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime raises a different class for each way to fail, with no common one
            raise ModelError(f"{path.name} is not an ONNX model that can be loaded: {error}") from error
        self.name = name or path.stem
        version = self._session.get_modelmeta().version
        self.version = "1" if version == _NO_VERSION else str(version)
        self.inputs = [_tensor(path, argument) for argument in self._session.get_inputs()]
        self.outputs = [_tensor(path, argument) for argument in self._session.get_outputs()]

    def infer(self, inputs: dict[str, np.ndarray], outputs: list[str]) -> dict[str, np.ndarray]:
        try:
            return dict(zip(outputs, self._session.run(outputs, inputs), strict=True))
        except InvalidArgument as error:  # for instance an index that is out of bounds
            raise BadRequest(str(error)) from error


def find_model(directory: Path) -> Path:
    if not directory.is_dir():
        raise ModelError(f"{directory} is not a directory")
    found = sorted(directory.glob("*.onnx"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ModelError(f"{directory} must hold exactly one .onnx file, found: {names}")
    return found[0]


def _tensor(path: Path, argument: ort.NodeArg) -> Tensor:
    element = argument.type.removeprefix("tensor(").removesuffix(")")
    if argument.type != f"tensor({element})" or element not in _DATATYPES:
        raise ModelError(
            f"{path.name}: '{argument.name}' is a {argument.type}; only tensors of numbers, booleans and strings can be"
            " served (scikit-learn models: convert with zipmap off)"
        )
    # A dimension is a number, a symbol such as "batch", or None.
    return Tensor(argument.name, _DATATYPES[element], tuple(argument.shape))
