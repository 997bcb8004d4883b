import assert from "node:assert/strict";
import { appendFile, cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { z } from "zod";

const Bom = z.object({
  specVersion: z.string(),
  components: z.array(z.object({ purl: z.string(), hashes: z.array(z.unknown()).optional() })),
});

/** The rehearsal pushes to a registry of its own on loopback, and verifies there what the guide says. */
describe("a release", function () {
  this.timeout(300_000);
  let said: string;
  let download: string;

  before(async () => {
    const { stdout, stderr } = await execa("release/run", [], { reject: true });
    said = `${stdout}\n${stderr}`;
    download = await mkdtemp(join(tmpdir(), "release-"));
    await cp("build/release", download, { recursive: true });
  });

  after(() => rm(download, { recursive: true, force: true }));

  const bomOf = async (image: string) =>
    Bom.parse(JSON.parse(await readFile(join(download, `${image}.cdx.json`), "utf8")));
  const verifyFiles = () =>
    execa(
      "bash",
      [
        "-c",
        "cosign verify-blob --key release.pub --insecure-ignore-tlog=true --bundle SHA256SUMS.sigstore.json SHA256SUMS && sha256sum --check --ignore-missing SHA256SUMS",
      ],
      { cwd: download, reject: false, all: true },
    );

  it("is verified by every command of the guide", () => {
    assert.match(said, /The cosign claims were validated[^]*charts\/mlsecops-operator@sha256:/);
    assert.match(said, /install\.yaml: OK/);
    assert.match(said, /done: build\/release/);
  });

  it("lists what is in the images, packages and modules alike, with hashes", async () => {
    const { specVersion, components } = await bomOf("operator");
    assert.equal(specVersion, "1.6");
    const purls = components.map(({ purl }) => purl);
    for (const start of [
      "pkg:npm/pino@",
      "pkg:npm/%40kubernetes/client-node@",
      "pkg:deb/debian/libc6@",
      "pkg:generic/node@",
      "pkg:golang/github.com/sigstore/cosign/v3@",
    ])
      assert.ok(
        purls.some((purl) => purl.startsWith(start)),
        start,
      );
    assert.equal(new Set(purls).size, purls.length);
    const unhashed = components.filter(({ hashes = [] }) => hashes.length === 0).map(({ purl }) => purl);
    assert.deepEqual(
      unhashed.filter((purl) => !purl.startsWith("pkg:golang/")),
      [],
    );
    const runtime = (await bomOf("runtime-onnx")).components.map(({ purl }) => purl);
    assert.ok(runtime.some((purl) => purl.startsWith("pkg:pypi/onnxruntime@")));
  });

  it("says from which commit it was built, and from what", async () => {
    const text = await readFile(join(download, "operator.provenance.json"), "utf8");
    const commit = (await execa("git", ["rev-parse", "HEAD"])).stdout;
    assert.ok(text.includes(`"commit": "${commit}"`));
    assert.match(text, /"uri": "pkg:npm\/pino@[^]*"sha512": "[0-9a-f]{128}"/);
  });

  it("installs the image by the digest that is signed, from the chart and from the manifests", async () => {
    const release = await readFile(join(download, "release.json"), "utf8");
    const image = /"reference": "(\S+\/operator@sha256:[0-9a-f]{64})"/.exec(release)?.[1] ?? "none";
    assert.ok((await readFile(join(download, "install.yaml"), "utf8")).includes(image));
    const chart = join(download, "mlsecops-operator-0.1.0.tgz");
    const { stdout } = await execa("helm", ["template", "mlsecops-operator", chart]);
    assert.ok(stdout.includes(`image: "${image}"`) || stdout.includes(`image: ${image}`));
  });

  it("does not verify once a file was changed, or the list of checksums", async () => {
    assert.equal((await verifyFiles()).exitCode, 0);
    await appendFile(join(download, "install.yaml"), "# one line more\n");
    const changed = await verifyFiles();
    assert.notEqual(changed.exitCode, 0);
    assert.match(changed.all, /install\.yaml: FAILED/);
    await appendFile(join(download, "SHA256SUMS"), "\n");
    assert.match((await verifyFiles()).all, /(invalid signature|failed to verify)/i);
  });

  it("is not published from a tree with changes, nor for an option that there is not", async () => {
    const { exitCode, stderr } = await execa("release/run", ["--dry"], { reject: false });
    assert.equal(exitCode, 2);
    assert.match(stderr, /rehearsal/);
  });
});
