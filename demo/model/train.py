"""Trains the demo's iris classifier and writes what is shipped: the model, its card, and a request with the answer.

The same version gives the same bytes each time, so that the digest of the packed model is the same on every machine
with the same libraries and processor family.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import sklearn
from skl2onnx import to_onnx
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 7
# The ONNX opset is fixed: a newer converter must not change the bytes, nor ask for a newer runtime.
OPSET = 21

MODELS: dict[int, ClassifierMixin] = {
    1: LogisticRegression(C=0.05, max_iter=1000),
    2: make_pipeline(StandardScaler(), LogisticRegression(C=10.0, max_iter=1000)),
    3: RandomForestClassifier(n_estimators=25, max_depth=4, random_state=SEED),
}


def train(version: int, output: Path) -> None:
    data = load_iris()
    features = data.data.astype(np.float32)
    train_x, test_x, train_y, test_y = train_test_split(
        features, data.target, test_size=0.3, random_state=SEED, stratify=data.target
    )
    model = MODELS[version].fit(train_x, train_y)

    # Zipmap would answer with a list of maps, which no inference protocol has a tensor for.
    exported = to_onnx(model, train_x[:1], options={"zipmap": False}, target_opset=OPSET, name="iris")
    exported.producer_name, exported.producer_version = "mlsecops-demo", ""
    exported.model_version = version

    # One flower of each kind.
    sample = test_x[np.unique(test_y, return_index=True)[1]]
    predicted = model.predict(test_x)
    output.mkdir(parents=True, exist_ok=True)
    (output / "model.onnx").write_bytes(exported.SerializeToString(deterministic=True))
    write_json(
        output / "model-card.json",
        {
            "name": "iris",
            "version": version,
            "description": f"Classifies irises by {describe(model)}",
            "dataset": {
                "name": "iris (bundled with scikit-learn)",
                "rows": {"train": len(train_x), "test": len(test_x)},
                "features": list(data.feature_names),
                "classes": [str(name) for name in data.target_names],
            },
            "metrics": {
                "accuracy": round(float(accuracy_score(test_y, predicted)), 4),
                "f1_macro": round(float(f1_score(test_y, predicted, average="macro")), 4),
            },
            "libraries": {"scikit-learn": sklearn.__version__, "onnx": onnx.__version__},
            "seed": SEED,
            "inputs": [tensor(value) for value in exported.graph.input],
            "outputs": [tensor(value) for value in exported.graph.output],
        },
    )
    write_json(
        output / "sample-request.json",
        {"inputs": [{"name": "X", "datatype": "FP32", "shape": [3, 4], "data": decimals(sample, 1)}]},
    )
    # By scikit-learn, not by the ONNX model: what the server answers can be compared with the truth.
    write_json(
        output / "sample-answer.json",
        {
            "label": model.predict(sample).tolist(),
            "probabilities": decimals(model.predict_proba(sample), 6),
        },
    )


def describe(model: ClassifierMixin) -> str:
    return " ".join(repr(model).split())


def tensor(value: onnx.ValueInfoProto) -> dict:
    kind = value.type.tensor_type
    return {
        "name": value.name,
        "type": onnx.TensorProto.DataType.Name(kind.elem_type),
        "shape": [d.dim_value if d.HasField("dim_value") else -1 for d in kind.shape.dim],
    }


def decimals(values: np.ndarray, digits: int) -> list[float]:
    return [round(float(value), digits) for value in values.ravel()]


def write_json(path: Path, document: dict) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", type=int, choices=MODELS)
    parser.add_argument("output", type=Path, help="directory to write to")
    arguments = parser.parse_args()
    train(arguments.version, arguments.output)
