"""A model of KServe's SDK that adds its inputs up: server.py PORT good|wrong."""

import sys

from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer


class Sum(Model):
    def __init__(self, version):
        super().__init__("sum")
        self.version = version
        self.ready = True

    def predict(self, payload: InferRequest, headers=None, response_headers=None):
        total = float(sum(payload.inputs[0].data))
        data = [total + 1 if self.version == "wrong" else total]
        output = InferOutput(name="total", shape=[1], datatype="FP64", data=data)
        return InferResponse(response_id="1", model_name=self.name, infer_outputs=[output])


if __name__ == "__main__":
    ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1).start([Sum(sys.argv[2])])
