"""The ONNX runtime's server over real HTTP, with real ONNX Runtime and a model trained for the test."""

import json
import shutil
import signal
import socket
import tempfile
import time
import unittest
from pathlib import Path

from support import REPOSITORY, Server, identity_model, train


def setUpModule() -> None:
    global MODEL, SERVER, WORK, TYPES
    WORK = Path(tempfile.mkdtemp(prefix="mlsecops-server-"))
    unittest.addModuleCleanup(shutil.rmtree, WORK)
    MODEL = train(1)
    unittest.addModuleCleanup(shutil.rmtree, MODEL)
    (WORK / "types").mkdir()
    identity_model(WORK / "types")
    limits = {"MAX_BODY_BYTES": "20000", "REQUEST_TIMEOUT": "2", "DRAIN_SECONDS": "0"}
    SERVER = Server(MODEL, MODEL_NAME="iris", **limits).wait()
    unittest.addModuleCleanup(SERVER.stop)
    TYPES = Server(WORK / "types", DRAIN_SECONDS="0").wait()
    unittest.addModuleCleanup(TYPES.stop)


def x(**changes: object) -> dict:
    """A request that is right, but for the changes to its only input."""
    return {"inputs": [{"name": "X", "datatype": "FP32", "shape": [1, 4], "data": [5.1, 3.5, 1.4, 0.2], **changes}]}


INFER = "/v2/models/iris/infer"


class Metadata(unittest.TestCase):
    def test_server(self) -> None:
        code, body = SERVER.request("GET", "/v2")
        self.assertEqual(code, 200)
        version = json.loads((REPOSITORY / "package.json").read_text())["version"]
        self.assertEqual(body, {"name": "mlsecops-runtime-onnx", "version": version, "extensions": []})

    def test_health(self) -> None:
        self.assertEqual(SERVER.request("GET", "/v2/health/live"), (200, {"live": True}))
        self.assertEqual(SERVER.request("GET", "/v2/health/ready"), (200, {"ready": True}))
        self.assertEqual(SERVER.request("GET", "/v2/models/iris/ready"), (200, {"name": "iris", "ready": True}))

    def test_model(self) -> None:
        expected = {
            "name": "iris",
            "versions": ["1"],
            "platform": "onnx_onnxv1",
            "inputs": [{"name": "X", "datatype": "FP32", "shape": [-1, 4]}],
            "outputs": [
                {"name": "label", "datatype": "INT64", "shape": [-1]},
                {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
            ],
        }
        self.assertEqual(SERVER.request("GET", "/v2/models/iris"), (200, expected))
        self.assertEqual(SERVER.request("GET", "/v2/models/iris/versions/1"), (200, expected))

    def test_metrics_count_inferences_only(self) -> None:
        server = Server(MODEL, MODEL_NAME="iris", DRAIN_SECONDS="0").wait()
        self.addCleanup(server.stop)
        server.request("POST", INFER, x())
        server.request("POST", INFER, x(shape=[4]))
        server.request("GET", "/v2/health/ready")
        _, text = server.request("GET", "/metrics")
        labels = 'model_name="iris",model_version="1"'
        self.assertIn(f'mlsecops_inference_requests_total{{{labels},code="200"}} 1\n', text)
        self.assertIn(f'mlsecops_inference_requests_total{{{labels},code="400"}} 1\n', text)
        self.assertIn(f'mlsecops_inference_duration_seconds_bucket{{{labels},le="+Inf"}} 2\n', text)
        self.assertIn(f"mlsecops_inference_duration_seconds_count{{{labels}}} 2\n", text)
        self.assertRegex(text, r"\nprocess_resident_memory_bytes [1-9][0-9]{7,}\n")


class Inference(unittest.TestCase):
    def test_answers_as_scikit_learn_does(self) -> None:
        for version in (1, 2, 3):
            with self.subTest(version=version):
                model = train(version)
                self.addCleanup(shutil.rmtree, model)
                server = Server(model, DRAIN_SECONDS="0").wait()
                self.addCleanup(server.stop)
                request = json.loads((model / "sample-request.json").read_text())
                truth = json.loads((model / "sample-answer.json").read_text())
                code, body = server.request("POST", "/v2/models/model/infer", request)
                self.assertEqual(code, 200)
                self.assertEqual(body["model_version"], str(version))
                label, probabilities = body["outputs"]
                self.assertEqual(label, {"name": "label", "datatype": "INT64", "shape": [3], "data": truth["label"]})
                self.assertEqual(probabilities["shape"], [3, 3])
                for served, expected in zip(probabilities["data"], truth["probabilities"], strict=True):
                    self.assertAlmostEqual(served, expected, places=5)

    def test_nested_data_equals_flat_data(self) -> None:
        flat = SERVER.request("POST", INFER, x())
        self.assertEqual(flat[0], 200)
        self.assertEqual(SERVER.request("POST", INFER, x(data=[[5.1, 3.5, 1.4, 0.2]])), flat)

    def test_id_comes_back(self) -> None:
        _, body = SERVER.request("POST", INFER, {"id": "forty-two", **x()})
        self.assertEqual(body["id"], "forty-two")
        _, body = SERVER.request("POST", INFER, x())
        self.assertNotIn("id", body)

    def test_requested_outputs_only_and_in_their_order(self) -> None:
        _, body = SERVER.request("POST", INFER, {**x(), "outputs": [{"name": "probabilities"}]})
        self.assertEqual([output["name"] for output in body["outputs"]], ["probabilities"])
        _, body = SERVER.request("POST", INFER, {**x(), "outputs": [{"name": "probabilities"}, {"name": "label"}]})
        self.assertEqual([output["name"] for output in body["outputs"]], ["probabilities", "label"])

    def test_version_in_the_path(self) -> None:
        code, body = SERVER.request("POST", "/v2/models/iris/versions/1/infer", x())
        self.assertEqual((code, body["model_version"]), (200, "1"))

    def test_whole_numbers_are_numbers(self) -> None:
        self.assertEqual(SERVER.request("POST", INFER, x(data=[5, 3, 1, 0]))[0], 200)

    def test_no_rows(self) -> None:
        code, body = SERVER.request("POST", INFER, x(shape=[0, 4], data=[]))
        self.assertEqual((code, body["outputs"][0]["shape"]), (200, [0]))


VALUES = {
    "fp32": ("FP32", [0.5, 2]),
    "fp64": ("FP64", [1e300, -0.1]),
    "int64": ("INT64", [-(2**63), 2**63 - 1]),
    "int32": ("INT32", [-(2**31), 2**31 - 1]),
    "uint8": ("UINT8", [0, 255]),
    "bool": ("BOOL", [True, False]),
    "bytes": ("BYTES", ["ünïcode", ""]),
    "index": ("INT32", [0, 1]),
}


def all_types(**changes: list) -> dict:
    return {
        "inputs": [
            {"name": f"{name}_in", "datatype": datatype, "shape": [1, 2], "data": changes.get(name, data)}
            for name, (datatype, data) in VALUES.items()
        ]
    }


class Datatypes(unittest.TestCase):
    path = "/v2/models/types/infer"

    def test_every_value_survives(self) -> None:
        code, body = TYPES.request("POST", self.path, all_types())
        self.assertEqual(code, 200, body)
        answered = {output["name"]: output for output in body["outputs"]}
        for name, (datatype, data) in VALUES.items():
            expected = {"name": f"{name}_out", "datatype": datatype, "shape": [1, 2], "data": data}
            self.assertEqual(answered[f"{name}_out"], expected)

    def test_values_of_another_type_or_range_are_refused(self) -> None:
        wrong = {
            "fp32": [[1e39, 0], ["1", "2"], [True, False], [None, None], [10**400, 0]],
            "fp64": [[10**400, 0]],
            "int64": [[2**63, 0], [1.0, 2.0], [True, False]],
            "int32": [[2**31, 0]],
            "uint8": [[-1, 0], [256, 0]],
            "bool": [[0, 1], ["true", "false"]],
            "bytes": [[1, 2], [None, "a"], ["\ud800", ""]],
        }
        for name, lists in wrong.items():
            for data in lists:
                with self.subTest(name=name, data=str(data)[:40]):
                    code, body = TYPES.request("POST", self.path, all_types(**{name: data}))
                    self.assertEqual((code, list(body)), (400, ["error"]))
                    self.assertIn(f"input '{name}_in': data", body["error"])

    def test_variable_dimensions_that_disagree_are_the_callers_mistake(self) -> None:
        request = all_types()
        request["inputs"][0].update(shape=[2, 2], data=[1, 2, 3, 4])
        code, body = TYPES.request("POST", self.path, request)
        self.assertEqual((code, body["error"]), (400, "input 'fp64_in': dimension 'n' is 1, in another input 2"))

    def test_an_index_out_of_bounds_is_the_callers_mistake(self) -> None:
        request = all_types(index=[7, 0])
        code, body = TYPES.request("POST", self.path, {**request, "outputs": [{"name": "gathered"}]})
        self.assertEqual(code, 400)
        self.assertIn("out of data bounds", body["error"])

    def test_a_model_without_version_is_version_1(self) -> None:
        self.assertEqual(TYPES.request("GET", "/v2/models/types")[1]["versions"], ["1"])

    def test_an_answer_that_json_cannot_carry_is_an_error(self) -> None:
        request = {**all_types(fp32=[-1.0, 1.0]), "outputs": [{"name": "root"}]}
        self.assertEqual(TYPES.request("POST", self.path, request), (500, {"error": "output 'root' is not finite"}))


class CallersMistakes(unittest.TestCase):
    """Each gets a 4xx, an error object with a useful message, and does not harm the next request."""

    def refused(self, code: int, message: str, method: str, path: str, body: object = None, **headers: str) -> None:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        got, document = SERVER.request(method, path, body, headers)
        self.assertEqual(got, code, document)
        self.assertEqual(list(document), ["error"])
        self.assertIn(message, document["error"])
        self.assertLess(len(document["error"]), 400)

    def tearDown(self) -> None:
        self.assertEqual(SERVER.request("POST", INFER, x())[0], 200)

    def test_bodies(self) -> None:
        for name, body, message in [
            ("empty", b"", "not valid JSON"),
            ("not JSON", b"{", "not valid JSON"),
            ("not UTF-8", b"\xff\xfe\xff", "not valid JSON"),
            ("NaN", json.dumps(x(data=[float("nan"), 1, 1, 1])).encode(), "NaN is not a JSON number"),
            ("Infinity", json.dumps(x(data=[float("-inf"), 1, 1, 1])).encode(), "-Infinity is not a JSON number"),
            (
                "1e999",
                b'{"inputs": [{"name": "X", "datatype": "FP32", "shape": [1, 4], "data": [1e999, 1, 1, 1]}]}',
                "range",
            ),
            ("deep", b"[" * 19000, "nested too deeply"),
            ("long integer", b"1" * 10000, "not valid JSON"),
            ("list", b"[]", "must be a JSON object"),
            ("null", b"null", "must be a JSON object"),
        ]:
            with self.subTest(name):
                self.refused(400, message, "POST", INFER, body)

    def test_documents(self) -> None:
        sound = x()["inputs"][0]
        for name, document, message in [
            ("no inputs", {}, "inputs must be a list of: X"),
            ("inputs not a list", {"inputs": {}}, "inputs must be a list"),
            ("inputs empty", {"inputs": []}, "missing input: X"),
            ("input not an object", {"inputs": [1]}, "every input must be an object with a name"),
            ("input without name", {"inputs": [{}]}, "every input must be an object with a name"),
            ("too many inputs", {"inputs": [sound, sound]}, "inputs must be a list of: X"),
            ("unknown input", x(name="Y"), "unknown input 'Y'; the model has: X"),
            ("name of great length", x(name="Y" * 9000), "unknown input 'YYY"),
            ("wrong datatype", x(datatype="FP64"), "datatype must be FP32, not 'FP64'"),
            ("no datatype", x(datatype=None), "datatype must be FP32"),
            ("wrong rank", x(shape=[4]), "shape must be [-1, 4] (-1 is any size), not [4]"),
            ("wrong size", x(shape=[1, 3], data=[1, 2, 3]), "shape must be [-1, 4]"),
            ("shape against data", x(shape=[2, 4]), "needs 8 elements, data has 4"),
            ("shape of great size", x(shape=[2**62, 4]), "elements, data has 4"),
            ("negative shape", x(shape=[-1, 4]), "non-negative integers"),
            ("shape of booleans", x(shape=[True, 4]), "non-negative integers"),
            ("shape of floats", x(shape=[1.0, 4]), "non-negative integers"),
            ("no shape", x(shape=None), "shape must be a list"),
            ("no data", {"inputs": [{k: v for k, v in sound.items() if k != "data"}]}, "data is missing"),
            ("data not a list", x(data=5.1), "data must be a list"),
            ("data ragged", x(shape=[2, 4], data=[[1, 2, 3, 4], [1, 2, 3]]), "nested data must have the shape [2, 4]"),
            ("data half nested", x(shape=[2, 4], data=[[1, 2, 3, 4], 1]), "nested data must have the shape"),
            ("data nested too deeply", x(data=[[[5.1, 3.5, 1.4, 0.2]]]), "nested data must have the shape"),
            ("null in data", x(data=[None, 1, 1, 1]), "data must hold only numbers"),
            ("string in data", x(data=["1", 1, 1, 1]), "data must hold only numbers"),
            ("boolean in data", x(data=[True, 1, 1, 1]), "data must hold only numbers"),
            ("id not a string", {"id": 1, **x()}, "id must be a string"),
            ("parameters not an object", x(parameters=[]), "parameters must be an object"),
            ("binary data", x(parameters={"binary_data_size": 16}), "'binary_data_size' is not supported"),
            ("shared memory", x(parameters={"shared_memory_region": "r"}), "is not supported"),
            ("unknown output", {**x(), "outputs": [{"name": "z"}]}, "unknown output 'z'"),
            ("output twice", {**x(), "outputs": [{"name": "label"}] * 2}, "an output is given more than once"),
            ("outputs not a list", {**x(), "outputs": "label"}, "outputs must be a list"),
        ]:
            with self.subTest(name):
                self.refused(400, message, "POST", INFER, document)

    def test_input_given_twice(self) -> None:
        request = all_types()
        request["inputs"][1] = request["inputs"][0]
        code, body = TYPES.request("POST", "/v2/models/types/infer", request)
        self.assertEqual((code, body), (400, {"error": "an input is given more than once"}))

    def test_paths(self) -> None:
        for method, path, code, message in [
            ("POST", "/v2/models/other/infer", 404, "unknown model; this server has: iris"),
            ("GET", "/v2/models/other", 404, "unknown model"),
            ("GET", "/v2/models/other/ready", 404, "unknown model"),
            ("POST", "/v2/models/iris/versions/9/infer", 404, "unknown version; model iris has: 1"),
            ("GET", "/v2/models/iris/versions/9/ready", 404, "unknown version"),
            ("GET", "/", 404, "no such path"),
            ("GET", "/v2/models/../../etc/passwd", 404, "no such path"),
            ("POST", "/v2/models/iris/explain", 404, "no such path"),
            ("GET", INFER, 405, "infer takes POST"),
            ("POST", "/v2/models/iris", 405, "only infer takes POST"),
            ("PUT", INFER, 405, ""),
            ("DELETE", "/v2/models/iris", 405, ""),
        ]:
            with self.subTest(f"{method} {path}"):
                self.refused(code, message, method, path, x() if method == "POST" else None)

    def test_body_over_the_limit(self) -> None:
        self.refused(413, "the limit is 20000", "POST", INFER, b" " * 5_000_000)

    def test_body_over_the_limit_is_refused_before_it_is_sent(self) -> None:
        answer = raw(f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n")
        self.assertTrue(answer.startswith("HTTP/1.1 413 "), answer)

    def test_expect_continue_within_the_limit(self) -> None:
        body = json.dumps(x())
        head = f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n"
        answer = raw(f"{head}Connection: close\r\n\r\n{body}")
        self.assertTrue(answer.startswith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"), answer)

    def test_lengths(self) -> None:
        for name, header, code in [
            ("missing", "", 411),
            ("chunked", "Transfer-Encoding: chunked\r\n", 411),
            ("chunked and a length", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 411),
            ("negative", "Content-Length: -1\r\n", 400),
            ("a word", "Content-Length: many\r\n", 400),
            ("two", "Content-Length: 3\r\nContent-Length: 4\r\n", 400),
        ]:
            with self.subTest(name):
                answer = raw(f"POST {INFER} HTTP/1.1\r\nHost: x\r\n{header}\r\n")
                self.assertTrue(answer.startswith(f"HTTP/1.1 {code} "), answer)
                self.assertIn("Connection: close", answer)
                self.assertIn('{"error": ', answer)

    def test_body_that_does_not_arrive(self) -> None:
        started = time.monotonic()
        answer = raw(f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{")
        self.assertTrue(answer.startswith("HTTP/1.1 408 "), answer)
        self.assertLess(time.monotonic() - started, 4)

    def test_body_that_drips(self) -> None:
        started = time.monotonic()
        with socket.create_connection(("127.0.0.1", SERVER.port), timeout=10) as connection:
            connection.sendall(f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode())
            try:
                while time.monotonic() - started < 8:
                    connection.sendall(b" ")
                    time.sleep(0.2)
            except OSError:
                pass
        self.assertLess(time.monotonic() - started, 5)

    def test_body_that_is_cut_short(self) -> None:
        with socket.create_connection(("127.0.0.1", SERVER.port), timeout=10) as connection:
            connection.sendall(f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
            connection.shutdown(socket.SHUT_WR)
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 400 "))

    def test_malformed_request_line(self) -> None:
        for line in (
            "GET\r\n\r\n",
            "GET /v2 HTTP/9.x\r\n\r\n",
            "\x16\x03\x01 hello\r\n\r\n",
            f"GET /{'a' * 70000} HTTP/1.1\r\n\r\n",
        ):
            with self.subTest(line[:20]):
                self.assertIn('{"error": ', raw(line))

    def test_get_with_a_body_does_not_become_the_next_request(self) -> None:
        smuggled = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = raw(f"GET /v2 HTTP/1.1\r\nHost: x\r\nContent-Length: {len(smuggled)}\r\n\r\n{smuggled}")
        self.assertTrue(answer.startswith("HTTP/1.1 400 "), answer)
        self.assertNotIn("mlsecops_inference", answer)

    def test_binary_extension_header(self) -> None:
        self.refused(400, "binary tensor data", "POST", INFER, x(), Inference_Header_Content_Length="10")


def raw(text: str) -> str:
    """Sends exactly this, and reads until the server closes."""
    with socket.create_connection(("127.0.0.1", SERVER.port), timeout=10) as connection:
        connection.sendall(text.encode("latin-1"))
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except ConnectionResetError:
            pass
        return answer.decode()


class Connections(unittest.TestCase):
    def test_two_requests_on_one_connection(self) -> None:
        request = "GET /v2/health/live HTTP/1.1\r\nHost: x\r\n"
        answer = raw(f"{request}\r\n{request}Connection: close\r\n\r\n")
        self.assertEqual(answer.count("HTTP/1.1 200 OK"), 2)

    def test_too_many_connections_are_told_so(self) -> None:
        server = Server(MODEL, MAX_CONNECTIONS="2", DRAIN_SECONDS="0").wait()
        self.addCleanup(server.stop)
        held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(2)]
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as third:
            self.assertTrue(third.recv(100).startswith(b"HTTP/1.1 503 "))
        for connection in held:
            connection.close()
        time.sleep(0.2)
        self.assertEqual(server.request("GET", "/v2/health/live")[0], 200)

    def test_latency_is_not_that_of_delayed_acknowledgements(self) -> None:
        # 40 ms is what two small packets instead of one would cost: each request, also the fastest.
        def seconds() -> float:
            started = time.monotonic()
            SERVER.request("POST", INFER, x())
            return time.monotonic() - started

        self.assertLess(min(seconds() for _ in range(20)), 0.035)


class Lifecycle(unittest.TestCase):
    def fails(self, directory: Path, message: str, **environment: str) -> None:
        server = Server(directory, **environment)
        self.assertNotEqual(server.exit_code(), 0)
        self.assertIn(message, "".join(server.log))
        server.process.stderr.close()

    def directory(self, **files: bytes) -> Path:
        path = Path(tempfile.mkdtemp(dir=WORK))
        for name, content in files.items():
            (path / f"{name}.onnx").write_bytes(content)
        return path

    def test_models_that_cannot_be_served(self) -> None:
        self.fails(WORK / "nowhere", "is not a directory")
        self.fails(self.directory(), "exactly one .onnx file, found: none")
        self.fails(self.directory(a=b"", b=b""), "exactly one .onnx file, found: a.onnx, b.onnx")
        self.fails(self.directory(pickle=b"\x80\x04cposix\nsystem\n."), "pickle.onnx is not an ONNX model")
        self.fails(self.directory(empty=b""), "empty.onnx is not an ONNX model")
        self.fails(self.directory(cut=(MODEL / "model.onnx").read_bytes()[:200]), "cut.onnx is not an ONNX model")

    def test_a_model_that_answers_with_maps_is_refused(self) -> None:
        import numpy as np
        from skl2onnx import to_onnx
        from sklearn.linear_model import LogisticRegression

        features = np.array([[0.0], [1.0]], dtype=np.float32)
        exported = to_onnx(LogisticRegression().fit(features, [0, 1]), features)
        self.fails(self.directory(maps=exported.SerializeToString()), "convert with zipmap off")

    def test_settings_are_checked(self) -> None:
        self.fails(MODEL, "--max-body-bytes", MAX_BODY_BYTES="0")
        self.fails(MODEL, "--drain-seconds", DRAIN_SECONDS="-1")
        self.fails(MODEL, "--threads", THREADS="two")

    def test_a_flag_beats_the_environment(self) -> None:
        server = Server(MODEL, "--model-name", "flag", MODEL_NAME="variable", DRAIN_SECONDS="0").wait()
        self.addCleanup(server.stop)
        self.assertEqual(server.request("GET", "/v2/models/flag")[0], 200)

    def test_term_finishes_what_has_begun(self) -> None:
        server = Server(MODEL, MODEL_NAME="iris", DRAIN_SECONDS="1").wait()
        body = json.dumps(x()).encode()
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            time.sleep(0.2)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            # Still served, so that no request is lost while the endpoints are updated; but not ready.
            self.assertEqual(server.request("GET", "/v2/health/ready"), (503, {"error": "draining"}))
            self.assertEqual(server.request("POST", INFER, x())[0], 200)
            time.sleep(1.5)
            with self.assertRaises(ConnectionRefusedError):
                server.request("GET", "/v2/health/live")
            connection.sendall(body)
            answer = connection.recv(65536)
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK"), answer)
            self.assertIn(b"Connection: close", answer)
        self.assertEqual(server.exit_code(), 0)
        server.process.stderr.close()

    def test_idle_connections_do_not_hold_up_the_end(self) -> None:
        server = Server(MODEL, DRAIN_SECONDS="0").wait()
        with socket.create_connection(("127.0.0.1", server.port)):
            started = time.monotonic()
            self.assertEqual(server.stop(), 0)
            self.assertLess(time.monotonic() - started, 2)

    def test_nothing_is_reported_to_anyone(self) -> None:
        # ONNX Runtime's telemetry would keep an identifier and a queue in the home directory.
        home = self.directory()
        server = Server(MODEL, DRAIN_SECONDS="0", HOME=str(home), ORT_DISABLE_TELEMETRY="0").wait()
        server.request("POST", "/v2/models/model/infer", x())
        server.stop()
        self.assertEqual(list(home.iterdir()), [])
