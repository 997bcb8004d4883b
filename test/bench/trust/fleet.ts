import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { PublicKey } from "../../../src/trust/index.ts";
import type { KubeObject, ObjectClient, ResourceType } from "../../../src/kube/index.ts";
import { forEachOf, namespaces, randomName } from "../../integration/kube/support.ts";
import { models, policies, secured } from "../../integration/operator/support/lane.ts";
import { Pusher } from "../../integration/trust/support/pusher.ts";
import type { KeySigner } from "../support/key-signer.ts";

const apiVersion = "mlsecops.io/v1alpha1";
const policyName = "bench-models";
const parallel = 16;

export interface FleetSize {
  readonly models: number;
  readonly namespaces: number;
  /** Artifacts that the models share, so that not each needs a signature of its own. */
  readonly artifacts: number;
  /** How many of the artifacts, the last ones, rest on the key that will be removed. */
  readonly doomed: number;
}

export interface FleetModel {
  readonly namespace: string;
  readonly name: string;
  readonly digest: string;
  readonly doomed: boolean;
}

/** Many models over several namespaces, under one policy of two keys. */
export class Fleet {
  readonly #admin: ObjectClient;
  readonly #repository: string;
  readonly #keys: readonly PublicKey[];
  readonly #runtime: string;
  readonly models: readonly FleetModel[];

  private constructor(
    admin: ObjectClient,
    parts: { repository: string; keys: readonly PublicKey[]; runtime: string; models: readonly FleetModel[] },
  ) {
    this.#admin = admin;
    this.#repository = parts.repository;
    this.#keys = parts.keys;
    this.#runtime = parts.runtime;
    this.models = parts.models;
  }

  /** Pushes the artifacts to the cluster's registry and signs them. */
  static async prepare(admin: ObjectClient, signer: KeySigner, size: FleetSize): Promise<Fleet> {
    const [host, caFile] = [process.env["MLSECOPS_REGISTRY"], process.env["MLSECOPS_REGISTRY_CA"]];
    if (host === undefined || caFile === undefined) throw new Error("the registry of a local cluster is needed");
    const path = `bench/${randomUUID()}`;
    const ca = await readFile(caFile, "utf8");
    const keys = [await signer.key("kept"), await signer.key("removed")];
    const [pusher, runtimes] = ["model", "runtime"].map((name) => new Pusher(`https://${host}`, `${path}/${name}`, ca));
    if (pusher === undefined || runtimes === undefined) throw new Error("unreachable");
    const runtime = `${host}/${path}/runtime@${await runtimes.artifact("runtime", "v1")}`;
    await signer.sign("kept", runtime, "bundle");
    const digests: string[] = [];
    for (let index = 0; index < size.artifacts; index++)
      digests.push(await pusher.artifact(`model ${index}`, `v${index}`));
    const isDoomed = (index: number): boolean => index % size.artifacts >= size.artifacts - size.doomed;
    await forEachOf([...digests.entries()], 2, ([index, digest]) =>
      signer.sign(isDoomed(index) ? "removed" : "kept", `${host}/${path}/model@${digest}`, "bundle"),
    );
    await Promise.all([pusher.close(), runtimes.close()]);
    const spaces = Array.from({ length: size.namespaces }, () => randomName("fleet"));
    const fleet = Array.from({ length: size.models }, (_, index): FleetModel => ({
      // Each namespace has models of all artifacts.
      namespace: spaces[Math.floor(index / size.artifacts) % spaces.length] ?? "",
      name: `model-${index}`,
      digest: digests[index % digests.length] ?? "",
      doomed: isDoomed(index),
    }));
    return new Fleet(admin, { repository: `${host}/${path}`, keys, runtime, models: fleet });
  }

  async create(): Promise<void> {
    const [kept] = this.#keys;
    await this.#apply(policies, {
      metadata: { name: "bench-runtime" },
      spec: { scope: { references: [`${this.#repository}/runtime`] }, authorities: authorities([kept]) },
    });
    await this.#trust(this.#keys);
    await forEachOf([...new Set(this.models.map(({ namespace }) => namespace))], parallel, async (name) => {
      await this.#admin.create<KubeObject>(namespaces, { metadata: { name } });
      const allowedImages = [{ name: "runtime", reference: this.#runtime }];
      await this.#apply(secured, {
        metadata: { name },
        spec: { profile: "serving", enforcement: "Enforce", allowedImages },
      });
    });
    await forEachOf(this.models, parallel, ({ namespace, name, digest }) =>
      this.#apply(models, {
        metadata: { namespace, name },
        spec: {
          source: { oci: { reference: `${this.#repository}/model@${digest}` } },
          // Everything but pods: how fast those end is a matter of the kubelet.
          replicas: 0,
          workload: { managed: { template: { spec: { containers: [{ name: "runtime", image: this.#runtime }] } } } },
        },
      }),
    );
  }

  /** The key of the doomed is believed no more. */
  async removeKey(): Promise<void> {
    await this.#trust(this.#keys.slice(0, 1));
  }

  async #trust(keys: readonly PublicKey[]): Promise<void> {
    await this.#apply(policies, {
      metadata: { name: policyName },
      spec: { scope: { references: [`${this.#repository}/model`] }, authorities: authorities(keys) },
    });
  }

  async #apply(type: ResourceType, object: KubeObject & { readonly spec: object }): Promise<void> {
    await this.#admin.apply<KubeObject>(type, { apiVersion, kind: type.kind, ...object }, { fieldManager: "bench" });
  }
}

function authorities(keys: readonly (PublicKey | undefined)[]): readonly object[] {
  return keys.map((key, index) => ({ name: `key-${index}`, key: { inline: key?.pem } }));
}
