import { type ResultPromise, execa } from "execa";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, realpath, writeFile } from "node:fs/promises";
import { createWriteStream } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseAllDocuments } from "yaml";
import { kubeconfigOf, must } from "./kubectl.ts";
import { address } from "./trouble-registry.ts";
import { eventually } from "./wait.ts";

const system = "kserve";
const account = "kserve-controller-manager";
/** Whom the admission policies know as KServe's controller. */
export const kserveUser = `system:serviceaccount:${system}:${account}`;

const ports = { webhook: 19_443, metrics: 19_444, health: 19_445 };

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly webhooks?: readonly { readonly clientConfig: { readonly service: { readonly path: string } } }[];
  readonly subjects?: readonly object[];
}

/**
 * KServe as its own manifests install it, with its webhooks, but for the Deployment: its controller is a process beside the API
 * server, with the rights of its ServiceAccount and no more.
 */
export class KServe {
  readonly #directory: string;
  #manifests: readonly object[] = [];
  #process: ResultPromise | undefined;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Nothing of it is in the cluster yet. */
  static async prepare(): Promise<KServe> {
    return new KServe(await mkdtemp(join(tmpdir(), "kserve-")));
  }

  async install(): Promise<void> {
    const ca = await certify(this.#directory);
    const { stdout } = await execa("sh", ["-c", "command -v kserve-controller"]);
    const text = await readFile(join(dirname(await realpath(stdout)), "install.yaml"), "utf8");
    this.#manifests = parseAllDocuments(text)
      .map((document) => document.toJS() as Manifest | null)
      .filter((manifest) => manifest !== null)
      .map((manifest) => installed(manifest, ca));
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: system } };
    await applyWhole([namespace, ...this.#manifests]);
    await must(["wait", "--for=condition=Established", "crd", "inferenceservices.serving.kserve.io", "--timeout=30s"]);
    await this.start();
  }

  async start(): Promise<void> {
    const kubeconfig = join(this.#directory, "kubeconfig");
    await writeFile(kubeconfig, JSON.stringify(await kubeconfigOf(system, account)));
    const process = execa(
      "kserve-controller",
      [
        ...[`--webhook-port=${ports.webhook}`, `--metrics-addr=127.0.0.1:${ports.metrics}`],
        `--health-probe-addr=127.0.0.1:${ports.health}`,
      ],
      {
        // It looks for its certificate where temporary files are.
        env: { KUBECONFIG: kubeconfig, TMPDIR: this.#directory, POD_NAMESPACE: system },
        buffer: false,
        stdin: "ignore",
        cleanup: true,
      },
    );
    // What it died of is said by what waits for it.
    process.catch(() => undefined);
    process.stdout.pipe(createWriteStream(join(this.#directory, "log"), { flags: "a" }));
    process.stderr.pipe(createWriteStream(join(this.#directory, "log"), { flags: "a" }));
    this.#process = process;
    await eventually("KServe's controller is ready", isReady, (ready) => ready);
  }

  /** The last errors that it wrote. */
  async errors(): Promise<string> {
    if (this.#manifests.length === 0) return "KServe is not installed";
    const lines = (await readFile(join(this.#directory, "log"), "utf8")).split("\n");
    return lines
      .filter((line) => line.includes('"level":"error"'))
      .slice(-5)
      .join("\n");
  }

  /** As if it had crashed. Its webhooks stay, and refuse what they cover. */
  async stop(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined) return;
    const ended = once(process, "exit");
    process.kill("SIGKILL");
    await ended;
  }

  /** Nothing of it stays. What it has finalizers on must be gone before. */
  async uninstall(): Promise<void> {
    const items = this.#manifests;
    if (items.length === 0) return;
    await must(["delete", "--ignore-not-found", "--wait=false", "-f", "-"], {
      input: { apiVersion: "v1", kind: "List", items },
    });
    await must(["delete", "namespace", system, "--ignore-not-found", "--wait=false"]);
    await this.stop();
  }
}

async function isReady(): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${ports.health}/readyz`)).ok;
  } catch {
    return false;
  }
}

/** Too large for the annotation of kubectl apply. */
async function applyWhole(items: readonly object[]): Promise<void> {
  await must(["apply", "--server-side", "--force-conflicts", "-f", "-"], {
    input: { apiVersion: "v1", kind: "List", items },
  });
}

/** As a kustomization would: its namespace, its address, and the authority of its certificate. */
function installed(manifest: Manifest, ca: string): object {
  const { kind, metadata, webhooks, subjects } = manifest;
  if (kind === "ServiceAccount") return { ...manifest, metadata: { ...metadata, namespace: system } };
  if (subjects !== undefined) return { ...manifest, subjects: subjects.map((one) => ({ ...one, namespace: system })) };
  if (webhooks === undefined) return manifest;
  return {
    ...manifest,
    webhooks: webhooks.map((webhook) => {
      const url = `https://${address}:${ports.webhook}${webhook.clientConfig.service.path}`;
      return { ...webhook, clientConfig: { url, caBundle: Buffer.from(ca).toString("base64") } };
    }),
  };
}

/** Makes the certificate of its webhooks. Returns that of the authority: itself. */
async function certify(directory: string): Promise<string> {
  const certificates = join(directory, "k8s-webhook-server", "serving-certs");
  await mkdir(certificates, { recursive: true });
  const [key, certificate] = [join(certificates, "tls.key"), join(certificates, "tls.crt")];
  const subject = ["-subj", "/CN=kserve", "-addext", `subjectAltName=IP:${address}`];
  await execa("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"],
    ...["-keyout", key, "-out", certificate, ...subject],
  ]);
  return readFile(certificate, "utf8");
}
