"""The protocol's JSON on one side, numpy arrays on the other. Knows nothing of HTTP or of ONNX Runtime."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

DATATYPES = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
    "BYTES": np.object_,
}

# By numpy's kind: the JSON values that are taken, and the word for them. Exact types, since bool is a subclass of int.
_ACCEPTED = {
    "b": ({bool}, "booleans"),
    "i": ({int}, "integers"),
    "u": ({int}, "integers"),
    "f": ({int, float}, "numbers"),
    "O": ({str}, "strings"),
}


class BadRequest(Exception):
    """The caller's mistake; the message is for the caller."""


class NotFinite(Exception):
    """The model answered NaN or infinity, which JSON cannot carry."""


@dataclass(frozen=True)
class Tensor:
    """A model's input or output. A dimension without a number may have any size, but the same for the same symbol."""

    name: str
    datatype: str
    dimensions: tuple[int | str | None, ...]

    @property
    def shape(self) -> list[int]:
        return [size if isinstance(size, int) else -1 for size in self.dimensions]

    def metadata(self) -> dict:
        return {"name": self.name, "datatype": self.datatype, "shape": self.shape}


@dataclass(frozen=True)
class InferRequest:
    id: str | None
    inputs: dict[str, np.ndarray]
    outputs: list[str]


def parse_infer(body: bytes, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> InferRequest:
    document = _json_object(body)
    request_id = document.get("id")
    if request_id is not None and not isinstance(request_id, str):
        raise BadRequest("id must be a string")
    return InferRequest(
        id=request_id,
        inputs=_inputs(document.get("inputs"), {tensor.name: tensor for tensor in inputs}),
        outputs=_outputs(document.get("outputs"), [tensor.name for tensor in outputs]),
    )


def infer_response(
    model_name: str, model_version: str, request: InferRequest, outputs: Mapping[str, np.ndarray]
) -> dict:
    response = {"model_name": model_name, "model_version": model_version}
    if request.id is not None:
        response["id"] = request.id
    response["outputs"] = [_encode(name, outputs[name]) for name in request.outputs]
    return response


def datatype_of(array: np.ndarray) -> str:
    if array.dtype.kind in "OSU":
        return "BYTES"
    return next(name for name, dtype in DATATYPES.items() if array.dtype == dtype)


def _json_object(body: bytes) -> dict:
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except RecursionError:
        raise BadRequest("the body is nested too deeply") from None
    except ValueError as error:  # includes bytes that are not UTF-8, and integers of thousands of digits
        raise BadRequest(f"the body is not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise BadRequest("the body must be a JSON object")
    return document


def _refuse_constant(constant: str):
    raise ValueError(f"{constant} is not a JSON number")


def _named(items: object, what: str) -> list[tuple[str, dict]]:
    if not isinstance(items, list):
        raise BadRequest(f"{what}s must be a list")
    named = []
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            raise BadRequest(f"every {what} must be an object with a name")
        named.append((item["name"], item))
    if len({name for name, _ in named}) < len(named):
        raise BadRequest(f"an {what} is given more than once")
    return named


def _inputs(items: object, expected: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    if not isinstance(items, list) or len(items) > len(expected):
        # Before anything that takes time in proportion to the list.
        raise BadRequest(f"inputs must be a list of: {', '.join(expected)}")
    arrays = {}
    for name, item in _named(items, "input"):
        if name not in expected:
            raise BadRequest(f"unknown input {_short(name)}; the model has: {', '.join(expected)}")
        arrays[name] = _decode(expected[name], item)
    missing = [name for name in expected if name not in arrays]
    if missing:
        raise BadRequest(f"missing input: {', '.join(missing)}")
    _check_symbols(arrays, expected)
    return arrays


def _check_symbols(arrays: Mapping[str, np.ndarray], expected: Mapping[str, Tensor]) -> None:
    """The model would fail in the middle of its run, which looks like a fault of the server."""
    sizes: dict[str, int] = {}
    for name, array in arrays.items():
        for symbol, size in zip(expected[name].dimensions, array.shape, strict=True):
            if isinstance(symbol, str) and sizes.setdefault(symbol, size) != size:
                raise BadRequest(f"input '{name}': dimension '{symbol}' is {size}, in another input {sizes[symbol]}")


def _outputs(items: object, known: list[str]) -> list[str]:
    if items is None or items == []:
        return known
    if not isinstance(items, list) or len(items) > len(known):
        raise BadRequest(f"outputs must be a list of: {', '.join(known)}")
    names = []
    for name, item in _named(items, "output"):
        if name not in known:
            raise BadRequest(f"unknown output {_short(name)}; the model has: {', '.join(known)}")
        _refuse_extensions(f"output '{name}'", item)
        names.append(name)
    return names


def _decode(tensor: Tensor, item: dict) -> np.ndarray:
    where = f"input '{tensor.name}'"
    _refuse_extensions(where, item)
    if item.get("datatype") != tensor.datatype:
        raise BadRequest(f"{where}: datatype must be {tensor.datatype}, not {_short(item.get('datatype'))}")
    shape = _shape(where, tensor, item.get("shape"))
    if "data" not in item:
        raise BadRequest(f"{where}: data is missing")
    elements = _elements(where, item["data"], shape)
    try:
        return _array(where, tensor.datatype, elements).reshape(shape)
    except ValueError:  # [0, 2**62] has as many elements as no data, but numpy cannot hold it
        raise BadRequest(f"{where}: the shape {_short(shape)} is too large") from None


def _refuse_extensions(where: str, item: dict) -> None:
    parameters = item.get("parameters", {})
    if not isinstance(parameters, dict):
        raise BadRequest(f"{where}: parameters must be an object")
    for extension in ("binary_data_size", "shared_memory_region", "classification"):
        if extension in parameters:
            raise BadRequest(f"{where}: the extension '{extension}' is not supported")


def _shape(where: str, tensor: Tensor, shape: object) -> tuple[int, ...]:
    if not isinstance(shape, list) or not all(type(size) is int and 0 <= size < 2**63 for size in shape):
        raise BadRequest(f"{where}: shape must be a list of non-negative integers")
    fits = len(shape) == len(tensor.shape) and all(
        allowed in (-1, size) for allowed, size in zip(tensor.shape, shape, strict=True)
    )
    if not fits:
        raise BadRequest(f"{where}: shape must be {tensor.shape} (-1 is any size), not {_short(shape)}")
    return tuple(shape)


def _elements(where: str, data: object, shape: tuple[int, ...]) -> list:
    """The elements in row-major order, from a flat list or from lists nested exactly as the shape says."""
    if not isinstance(data, list):
        raise BadRequest(f"{where}: data must be a list")
    if any(isinstance(element, list) for element in data):
        level = [data]
        for size in shape:
            if not all(isinstance(part, list) and len(part) == size for part in level):
                raise BadRequest(f"{where}: nested data must have the shape {list(shape)}")
            level = list(chain.from_iterable(level))
        return level
    if len(data) != math.prod(shape):
        raise BadRequest(f"{where}: shape {list(shape)} needs {math.prod(shape)} elements, data has {len(data)}")
    return data


def _array(where: str, datatype: str, elements: list) -> np.ndarray:
    dtype = np.dtype(DATATYPES[datatype])
    accepted, word = _ACCEPTED[dtype.kind]
    if not set(map(type, elements)) <= accepted:
        raise BadRequest(f"{where}: data must hold only {word}")
    try:
        with np.errstate(over="ignore"):
            array = np.array(elements, dtype=dtype)
    except OverflowError:
        raise BadRequest(f"{where}: data is out of the range of {datatype}") from None
    if dtype.kind == "f" and not np.isfinite(array).all():
        # JSON has no infinity, but 1e999 is one to Python, and 1e39 to FP32.
        raise BadRequest(f"{where}: data is out of the range of {datatype}")
    if dtype.kind == "O" and not all(map(_is_unicode, elements)):
        raise BadRequest(f"{where}: data holds a string that is not valid Unicode")
    return array


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # JSON can spell half of a surrogate pair
        return False
    return True


def _encode(name: str, array: np.ndarray) -> dict:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise NotFinite(f"output '{name}' is not finite")
    return {
        "name": name,
        "datatype": datatype_of(array),
        "shape": list(array.shape),
        "data": array.ravel().tolist(),
    }


def _short(value: object) -> str:
    """For error messages, which must not grow with the request."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
