"""The demo model: trained and packed to the same bytes, mountable, and what tampering does to it."""

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

from support import REPOSITORY, Server, train

DEMO = REPOSITORY / "demo/model"


class Pack(unittest.TestCase):
    def setUp(self) -> None:
        self.work = Path(tempfile.mkdtemp(prefix="mlsecops-pack-"))
        self.addCleanup(shutil.rmtree, self.work)
        self.model = train(1)
        self.addCleanup(shutil.rmtree, self.model)

    def pack(self, directory: Path, *arguments: str) -> str:
        return subprocess.run(
            [DEMO / "pack", directory, *arguments], check=True, text=True, stdout=subprocess.PIPE
        ).stdout.strip()

    def test_training_and_packing_twice_give_the_same_digest(self) -> None:
        again = train(1)
        self.addCleanup(shutil.rmtree, again)
        for path in again.iterdir():
            os.utime(path, (1, 1))
            path.chmod(0o600)
        self.assertEqual(self.pack(self.model), self.pack(again))

    def test_each_version_has_its_own_digest(self) -> None:
        other = train(2)
        self.addCleanup(shutil.rmtree, other)
        self.assertNotEqual(self.pack(self.model), self.pack(other))

    def test_is_an_image_to_a_container_runtime(self) -> None:
        layout = self.work / "layout"
        digest = self.pack(self.model, "--layout", str(layout))
        manifest = json.loads(blob(layout, digest))
        self.assertEqual(manifest["artifactType"], "application/vnd.mlsecops.model.v1+onnx")
        self.assertEqual(manifest["annotations"]["org.opencontainers.image.title"], "iris")
        config = json.loads(blob(layout, manifest["config"]["digest"]))
        self.assertEqual((config["architecture"], config["os"]), ("amd64", "linux"))
        self.assertEqual(config["rootfs"]["diff_ids"], [manifest["layers"][0]["digest"]])
        with tarfile.open(blob_path(layout, manifest["layers"][0]["digest"])) as layer:
            members = layer.getmembers()
        self.assertEqual(
            [member.name for member in members],
            ["model-card.json", "model.onnx", "sample-answer.json", "sample-request.json"],
        )
        for member in members:
            self.assertEqual((member.mode, member.uid, member.gid, member.mtime), (0o444, 0, 0, 0))

    def test_links_are_refused(self) -> None:
        (self.model / "link").symlink_to("/etc/passwd")
        result = subprocess.run([DEMO / "pack", self.model], capture_output=True, text=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn("link is neither a file nor a directory", result.stderr)

    def test_a_tampered_model_has_the_same_size_and_answers_wrongly(self) -> None:
        layout = self.work / "layout"
        digest = self.pack(self.model, "--layout", str(layout))
        storage = self.work / "storage"
        for path in (layout / "blobs/sha256").iterdir():
            data = storage / "docker/registry/v2/blobs/sha256" / path.name[:2] / path.name / "data"
            data.parent.mkdir(parents=True)
            shutil.copy(path, data)
        layer_digest = json.loads(blob(layout, digest))["layers"][0]["digest"]
        value = layer_digest.removeprefix("sha256:")
        changed = storage / "docker/registry/v2/blobs/sha256" / value[:2] / value / "data"

        subprocess.run([DEMO / "tamper-layer", storage, digest], check=True, stdout=subprocess.DEVNULL)
        self.assertEqual(changed.stat().st_size, blob_path(layout, layer_digest).stat().st_size)
        self.assertNotEqual(changed.read_bytes(), blob(layout, layer_digest))
        again = subprocess.run([DEMO / "tamper-layer", storage, digest], capture_output=True, text=True)
        self.assertIn("changed already", again.stderr)

        mounted = self.work / "mounted"
        with tarfile.open(changed) as layer:
            layer.extractall(mounted, filter="data")
        server = Server(mounted, DRAIN_SECONDS="0").wait()
        self.addCleanup(server.stop)
        request = json.loads((self.model / "sample-request.json").read_text())
        truth = json.loads((self.model / "sample-answer.json").read_text())["label"]
        _, body = server.request("POST", "/v2/models/model/infer", request)
        self.assertEqual(truth, [0, 1, 2])
        self.assertEqual(body["outputs"][0]["data"], [2, 1, 0])


def blob_path(layout: Path, digest: str) -> Path:
    return layout / "blobs" / digest.replace(":", "/")


def blob(layout: Path, digest: str) -> bytes:
    return blob_path(layout, digest).read_bytes()
