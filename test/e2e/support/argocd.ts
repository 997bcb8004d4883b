import { type ResultPromise, execa } from "execa";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, realpath, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseAllDocuments } from "yaml";
import { json, kubeconfigOf, kubectl, must } from "./kubectl.ts";
import { eventually } from "./wait.ts";

export const ARGOCD = "argocd";
export const ARGOCD_MANAGER = "argocd-controller";
const account = "argocd-application-controller";
const ports = { redis: 19_379, repository: 19_381, repositoryMetrics: 19_382, metrics: 19_383 };

/** An application as Argo CD reports it. */
export interface Application {
  readonly status?: {
    readonly sync?: { readonly status: string; readonly revision: string };
    readonly health?: { readonly status: string };
    readonly conditions?: readonly { readonly message: string }[];
    readonly operationState?: { readonly startedAt: string; readonly phase: string; readonly message?: string };
    readonly resources?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly status?: string;
      readonly health?: { readonly status?: string; readonly message?: string };
    }[];
  };
}

/**
 * Argo CD as its own manifests install it, but for the Deployments: the two that do the work are processes beside the API
 * server, and look at their repositories every three seconds.
 */
export class ArgoCd {
  readonly #directory: string;
  readonly #processes: ResultPromise[] = [];
  #manifests: readonly object[] = [];

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Nothing of it is in the cluster yet. */
  static async prepare(): Promise<ArgoCd> {
    return new ArgoCd(await mkdtemp(join(tmpdir(), "argocd-")));
  }

  async install(): Promise<void> {
    const { stdout } = await execa("sh", ["-c", "command -v argocd-repo-server"]);
    const store = dirname(await realpath(stdout));
    const documents = parseAllDocuments(await readFile(join(store, "install.yaml"), "utf8"));
    const objects = documents.flatMap((one) => (one.toJS() as { kind: string; metadata: object } | null) ?? []);
    this.#manifests = [
      ...objects.map(({ metadata, ...object }) => {
        const place = object.kind === "CustomResourceDefinition" ? {} : { namespace: ARGOCD };
        return { ...object, metadata: { ...metadata, ...place } };
      }),
      serviceAccount(),
      administrator(),
    ];
    await must(["create", "namespace", ARGOCD]);
    await must(["apply", "--server-side", "-f", "-"], {
      input: { apiVersion: "v1", kind: "List", items: this.#manifests },
    });
    await must(["wait", "--for=condition=Established", "crd/applications.argoproj.io", "--timeout=30s"]);
    const project = { sourceRepos: ["*"], destinations: [{ server: "*", namespace: "*" }] };
    await must(["apply", "-f", "-"], {
      input: {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "AppProject",
        metadata: { name: "default", namespace: ARGOCD },
        spec: { ...project, clusterResourceWhitelist: [{ group: "*", kind: "*" }] },
      },
    });
    const key = '{"stringData":{"server.secretkey":"of no use to anybody"}}';
    await must(["-n", ARGOCD, "patch", "secret", "argocd-secret", "--type=merge", "-p", key]);
    await this.#start(store);
  }

  async #start(store: string): Promise<void> {
    const [tls, bin, kubeconfig] = ["tls", "bin", "kubeconfig"].map((name) => join(this.#directory, name));
    if (tls === undefined || bin === undefined || kubeconfig === undefined) return;
    await mkdir(tls);
    await mkdir(bin);
    await symlink(join(store, "git-verify-wrapper.sh"), join(bin, "git-verify-wrapper.sh"));
    await writeFile(kubeconfig, JSON.stringify(await kubeconfigOf(ARGOCD, account)));
    const env = {
      HOME: this.#directory,
      KUBECONFIG: kubeconfig,
      PATH: `${bin}:${process.env["PATH"] ?? ""}`,
      // The destination https://kubernetes.default.svc is the cluster of the kubeconfig.
      ARGOCD_FAKE_IN_CLUSTER: "true",
      ARGOCD_TLS_DATA_PATH: tls,
      ARGOCD_SSH_DATA_PATH: tls,
      ARGOCD_GPG_ENABLED: "false",
      ARGOCD_RECONCILIATION_TIMEOUT: "3s",
      ARGOCD_RECONCILIATION_JITTER: "0s",
      ARGOCD_APPLICATION_CONTROLLER_PERSIST_RESOURCE_HEALTH: "true",
      // The repository belongs to whoever runs the test.
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "safe.directory",
      GIT_CONFIG_VALUE_0: "*",
    };
    const redis = `127.0.0.1:${ports.redis}`;
    const local = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    this.#run("redis", "redis-server", ["--port", `${ports.redis}`, ...local], env);
    this.#run(
      "repo-server",
      "argocd-repo-server",
      [
        ...["--port", `${ports.repository}`, "--address", "127.0.0.1", "--redis", redis],
        ...["--metrics-port", `${ports.repositoryMetrics}`, "--metrics-address", "127.0.0.1"],
        "--disable-tls",
      ],
      env,
    );
    this.#run(
      "controller",
      "argocd-application-controller",
      [
        ...["--namespace", ARGOCD, "--redis", redis, "--repo-server", `127.0.0.1:${ports.repository}`],
        ...["--repo-server-plaintext", "--app-resync", "3", "--metrics-port", `${ports.metrics}`],
      ],
      env,
    );
  }

  #run(name: string, program: string, args: readonly string[], env: Readonly<Record<string, string>>): void {
    const started = execa(program, args, { env, buffer: false, stdin: "ignore", cleanup: true });
    // What it died of is said by what waits for it.
    started.catch(() => undefined);
    const log = createWriteStream(join(this.#directory, `${name}.log`));
    started.stdout.pipe(log);
    started.stderr.pipe(log);
    this.#processes.push(started);
  }

  /** What the controller said of errors last. */
  async errors(): Promise<string> {
    const lines = (await readFile(join(this.#directory, "controller.log"), "utf8")).split("\n");
    return lines
      .filter((line) => /level=(error|fatal)/.test(line))
      .slice(-8)
      .join("\n");
  }

  /** Nothing of it stays but what its applications have made. */
  async uninstall(): Promise<void> {
    const left = await kubectl(["-n", ARGOCD, "get", "applications.argoproj.io", "-o", "name"]);
    const free = ["--type=merge", "-p", '{"metadata":{"finalizers":null}}'];
    for (const one of left.ok ? left.output.split("\n").filter((line) => line !== "") : [])
      await kubectl(["-n", ARGOCD, "patch", one, ...free]);
    for (const started of this.#processes.reverse()) {
      started.kill("SIGKILL");
      // One that has ended by itself is as well.
      await started.catch(() => undefined);
    }
    if (this.#manifests.length === 0) return;
    await must(["delete", "--ignore-not-found", "--wait=false", "-f", "-"], {
      input: { apiVersion: "v1", kind: "List", items: this.#manifests },
    });
    await must(["delete", "namespace", ARGOCD, "--ignore-not-found", "--wait=false"]);
  }
}

export async function application(name: string): Promise<Application> {
  return (await json("-n", ARGOCD, "get", "applications.argoproj.io", name)) as Application;
}

/** Waits until Argo CD has compared the application with this commit, and finds it so. */
export function applicationBecomes(
  name: string,
  wanted: { readonly revision: string; readonly health: string; readonly sync?: string },
  timeoutMs = 90_000,
): Promise<Application> {
  return eventually(
    `application ${name} is ${wanted.sync ?? "Synced"} and ${wanted.health} at ${wanted.revision}`,
    () => application(name),
    ({ status }) =>
      status?.sync?.status === (wanted.sync ?? "Synced") &&
      status.sync.revision === wanted.revision &&
      status.health?.status === wanted.health &&
      status.operationState?.phase !== "Running",
    timeoutMs,
  );
}

function serviceAccount(): object {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: account, namespace: ARGOCD } };
}

/** As in its own installation for the whole cluster. */
function administrator(): object {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: account },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ kind: "ServiceAccount", name: account, namespace: ARGOCD }],
  };
}
