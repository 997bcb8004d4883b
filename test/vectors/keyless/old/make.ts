/**
 * Makes everything in this folder but README.md and this file, with an older cosign and the Sigstore of the tests:
 *
 *     GOBIN=/tmp/old CGO_ENABLED=0 go install github.com/sigstore/cosign/v2/cmd/cosign@v2.6.1
 *     PATH=~/.cache/mlsecops/bin:$PATH node_modules/.bin/node test/vectors/keyless/old/make.ts /tmp/old/cosign
 */
import { execa } from "execa";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { OwnRegistry } from "../../../integration/trust/support/own-registry.ts";
import { indexType, manifestType, Pusher } from "../../../integration/trust/support/pusher.ts";
import { person, Sigstore } from "../../../support/sigstore/index.ts";

const here = import.meta.dirname;
const oldCosign = process.argv[2] ?? "";
const repository = "models/old";
const identity = person("release@bank.example");

interface Manifest {
  readonly layers: readonly { readonly digest: string }[];
}

const directory = await mkdtemp(join(tmpdir(), "old-"));
const registry = await OwnRegistry.create();
const sigstore = await Sigstore.start();
await registry.start();
const pusher = new Pusher(`http://${registry.host}`, repository);

async function read(path: string, accept: string): Promise<string> {
  const response = await request(`http://${registry.host}/v2/${repository}/${path}`, { headers: { accept } });
  if (response.statusCode !== 200) throw new Error(`${path}: HTTP ${response.statusCode}`);
  return response.body.text();
}

/** What lies in the registry, as text: the digests are those of these bytes. */
async function layout(digest: string, reference: string): Promise<object> {
  const manifest = await read(`manifests/${reference}`, `${manifestType},${indexType}`);
  const { layers } = JSON.parse(manifest) as Manifest;
  const blobs = await Promise.all(
    layers.map(async (layer) => [layer.digest, await read(`blobs/${layer.digest}`, "*/*")] as const),
  );
  return { artifact: digest, reference, manifest, blobs: Object.fromEntries(blobs) };
}

/** The bundle in the one referrer of an artifact. */
async function bundleOf(digest: string): Promise<string> {
  const list = JSON.parse(await read(`manifests/${digest.replace(":", "-")}`, indexType)) as {
    readonly manifests: readonly { readonly digest: string }[];
  };
  const [only, ...others] = list.manifests;
  if (only === undefined || others.length > 0) throw new Error(`${digest} has ${list.manifests.length} referrers`);
  const [layer] = (JSON.parse(await read(`manifests/${only.digest}`, manifestType)) as Manifest).layers;
  return read(`blobs/${layer?.digest ?? ""}`, "*/*");
}

async function cosign(...args: string[]): Promise<void> {
  const nowhere = "http://127.0.0.1:9";
  const env = { HOME: directory, COSIGN_PASSWORD: "", HTTP_PROXY: nowhere, HTTPS_PROXY: nowhere };
  await execa(oldCosign, args, { cwd: directory, extendEnv: false, env });
}

/** Signs an artifact of its own. */
async function signed(name: string, ...args: string[]): Promise<string> {
  const digest = await pusher.artifact(`the model, ${name}`, name);
  await cosign(args[0] ?? "", "--yes", ...args.slice(1), `${registry.host}/${repository}@${digest}`);
  return digest;
}

const index: object[] = [];
async function record(file: string, content: string | object, entry: object): Promise<void> {
  await writeFile(join(here, file), typeof content === "string" ? content : JSON.stringify(content, undefined, 1));
  index.push({ file, ...entry });
}

try {
  await cosign("generate-key-pair", "--output-key-prefix", "key");
  await writeFile(join(here, "key.pub"), await readFile(join(directory, "key.pub")));
  await writeFile(join(here, "trusted-root.json"), sigstore.trustedRoot);
  await writeFile(join(directory, "token"), sigstore.token(identity, { lifetimeSeconds: 600 }));
  await writeFile(join(directory, "predicate.json"), '{"score":0.97}');
  await writeFile(join(directory, "none.json"), await readFile(join(sigstore.directory, "none.json")));
  const key = ["--key", "key.key"];
  const keyless = ["--identity-token", "token"];
  const { issuer, subject } = identity;
  const type = "https://mlsecops.io/evaluation/v1";

  const newFormat = ["--new-bundle-format", "--trusted-root", sigstore.trustedRootFile];
  const keyBundle = await signed("a", "sign", ...key, ...newFormat, "--signing-config", "none.json");
  await record("key.bundle.json", await bundleOf(keyBundle), { digest: keyBundle, key: "key.pub" });
  const timestamped = ["--signing-config", join(sigstore.directory, "timestamped.json")];
  const keylessBundle = await signed("b", "sign", ...keyless, ...newFormat, ...timestamped);
  await record("keyless.bundle.json", await bundleOf(keylessBundle), { digest: keylessBundle, issuer, subject });
  const attestation = ["--type", type, "--predicate", "predicate.json"];
  const attested = await signed("c", "attest", ...attestation, ...keyless, ...newFormat, ...timestamped);
  await record("attestation.bundle.json", await bundleOf(attested), { digest: attested, issuer, subject, type });

  const { fulcioUrl, timestampUrl } = sigstore;
  const noLog = ["--tlog-upload=false", "--timestamp-server-url", timestampUrl];
  const services = ["--fulcio-url", fulcioUrl, "--insecure-skip-verify", ...noLog];
  const legacyKey = await signed("d", "sign", ...key, "--tlog-upload=false");
  await record("legacy-key.json", await layout(legacyKey, `${legacyKey.replace(":", "-")}.sig`), {
    digest: legacyKey,
    key: "key.pub",
  });
  const legacyKeyless = await signed("e", "sign", ...keyless, ...services);
  await record("legacy-keyless.json", await layout(legacyKeyless, `${legacyKeyless.replace(":", "-")}.sig`), {
    digest: legacyKeyless,
    issuer,
    subject,
  });
  const legacyAttestation = await signed("f", "attest", ...attestation, ...key, "--tlog-upload=false");
  await record(
    "legacy-attestation.json",
    await layout(legacyAttestation, `${legacyAttestation.replace(":", "-")}.att`),
    {
      digest: legacyAttestation,
      key: "key.pub",
      type,
    },
  );
  await writeFile(join(here, "index.json"), `${JSON.stringify(index, undefined, 2)}\n`);
} finally {
  await pusher.close();
  await registry.remove();
  await sigstore.remove();
  await rm(directory, { recursive: true, force: true });
}
