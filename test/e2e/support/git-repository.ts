import { execa } from "execa";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { CHART } from "./world.ts";

/** What is in the samples instead of what a user would put there. */
export interface SampleChange {
  readonly registry: string;
  /** The model, and the runtime by digest. */
  readonly reference: string;
  readonly runtime: string;
  /** What the runtime calls the model; the signal asks for `iris`. */
  readonly modelName?: string;
  /** Who vouches, instead of the Secret that the sample names; in PEM. */
  readonly key?: string;
  readonly quota?: Readonly<Record<string, string>>;
  readonly suspend?: boolean;
}

interface Sample {
  readonly spec: Record<string, unknown>;
}

const files = ["cluster-trust-policy", "secure-namespace", "secure-model"] as const;

/** A repository of a platform's team: the chart, and a folder with the samples. */
export class Repository {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async create(): Promise<Repository> {
    const directory = await mkdtemp(join(tmpdir(), "repository-"));
    const repository = new Repository(directory);
    await mkdir(repository.models);
    await repository.#git("init", "--quiet", "--initial-branch=main");
    return repository;
  }

  /** The folder that a team writes. */
  get models(): string {
    return join(this.#directory, "models");
  }

  /** Returns the commit. */
  async commit(
    message: string,
    { chart = false, samples }: { readonly chart?: boolean; readonly samples?: SampleChange },
  ): Promise<string> {
    if (chart) {
      await rm(join(this.#directory, CHART), { recursive: true, force: true });
      await cp(CHART, join(this.#directory, CHART), { recursive: true });
    }
    if (samples !== undefined)
      for (const file of files) {
        const sample = parse(await readFile(`manifests/samples/${file}.yaml`, "utf8")) as Sample;
        const text = stringify({ ...sample, spec: changes[file](sample.spec, samples) });
        await writeFile(join(this.models, `${file}.yaml`), real(text, samples));
      }
    await this.#git("add", ".");
    await this.#git("-c", "user.name=e2e", "-c", "user.email=e2e@example.com", "commit", "--quiet", "-m", message);
    return (await this.#git("rev-parse", "HEAD")).trim();
  }

  /** One of manifests/argocd, of this repository; `helm` changes what its chart is given. */
  async application(name: "operator" | "models", helm = (given: object): object => given): Promise<object> {
    const text = await readFile(`manifests/argocd/${name}.yaml`, "utf8");
    const given = parse(text) as { spec: { source: { helm?: object } } };
    const { helm: values, ...source } = given.spec.source;
    const mine = { ...source, repoURL: `file://${this.#directory}` };
    return {
      ...given,
      spec: { ...given.spec, source: values === undefined ? mine : { ...mine, helm: helm(values) } },
    };
  }

  async #git(...args: readonly string[]): Promise<string> {
    return (await execa("git", ["-C", this.#directory, ...args])).stdout;
  }
}

type Change = (spec: Record<string, unknown>, change: SampleChange) => Record<string, unknown>;

const changes: Readonly<Record<(typeof files)[number], Change>> = {
  "cluster-trust-policy": (spec, { key }) =>
    key === undefined ? spec : { ...spec, authorities: [{ name: "release-team", key: { inline: key } }] },
  "secure-namespace": (spec, { quota }) => (quota === undefined ? spec : { ...spec, quota }),
  "secure-model": ({ workload, ...spec }, { modelName = "iris", suspend }) => ({
    ...spec,
    ...(suspend === undefined ? {} : { suspend }),
    health: {
      interval: "5s",
      warmUp: "1s",
      signals: [
        {
          name: "golden",
          probe: { path: "/v2/models/iris", json: [{ path: "name", text: "iris" }] },
          window: { looks: 2, failures: 2 },
        },
      ],
    },
    rollback: { coolDown: "1s", maxPerDay: 5 },
    workload: withName(workload as Workload, modelName),
  }),
};

interface Workload {
  readonly managed: { readonly template: { readonly spec: { readonly containers: readonly object[] } } };
}

function withName({ managed }: Workload, value: string): object {
  const { template } = managed;
  const containers = template.spec.containers.map((one) => ({ ...one, env: [{ name: "MODEL_NAME", value }] }));
  return { managed: { ...managed, template: { ...template, spec: { ...template.spec, containers } } } };
}

function real(text: string, { registry, reference, runtime }: SampleChange): string {
  return text
    .replaceAll("registry.example.com/models/fraud-scorer:v1", reference)
    .replaceAll(/registry\.example\.com\/runtimes\/onnx(:1\.0|@sha256:0+)/g, runtime)
    .replaceAll(/registry\.example\.com\/(models|runtimes)\/\*\*/g, `${registry}/**`);
}
