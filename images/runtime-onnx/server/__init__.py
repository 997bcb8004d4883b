"""Serves one ONNX model over the REST form of the Open Inference Protocol (V2)."""

import os

__version__ = "0.1.0"

# Both are read once, when the libraries are loaded, so they are set before any module of this package imports them.
# Since 1.29 ONNX Runtime reports its use to its maker; set here, no environment of a pod turns that on.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# numpy would start a thread for every core of the node, and here only copies.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
