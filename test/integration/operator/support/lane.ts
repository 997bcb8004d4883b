import {
  isKubeError,
  type Condition,
  type JsonPatchOperation,
  type KubeObject,
  type ObjectClient,
  type ResourceType,
} from "../../../../src/kube/index.ts";
import { configMaps, namespaces } from "../../kube/support.ts";
import { product } from "./installation.ts";
import type { Models } from "./models.ts";
import { SimulatedKubelet, pods } from "./simulated-kubelet.ts";

export const policies = product("clustertrustpolicies", "ClusterTrustPolicy", false);
export const secured = product("securenamespaces", "SecureNamespace", false);
export const models = product("securemodels", "SecureModel", true);
export const revisions = product("modelrevisions", "ModelRevision", true);
export const grants = product("admissiongrants", "AdmissionGrant", true);
export const deployments = builtIn("apps", "Deployment");
const services = builtIn("", "Service");
const roleBindings = builtIn("rbac.authorization.k8s.io", "RoleBinding");

function builtIn(group: string, kind: string): ResourceType {
  return { group, version: "v1", kind, plural: `${kind.toLowerCase()}s`, namespaced: true };
}

const apiVersion = "mlsecops.io/v1alpha1";
export const modelName = "iris";
const fieldManager = "user";

interface Served extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly active?: { readonly digest?: string; readonly revision?: string };
    readonly quarantine?: object;
    readonly rollback?: object;
  };
}

/** One tenant: a namespace, its SecureNamespace, one SecureModel, and the trust policy that speaks for that model alone. */
export class Lane {
  readonly name: string;
  readonly #admin: ObjectClient;
  readonly #models: Models;

  constructor(name: string, admin: ObjectClient, artifacts: Models) {
    this.name = name;
    this.#admin = admin;
    this.#models = artifacts;
  }

  /** Whether a request to the API server is about this tenant. */
  concerns(url: string): boolean {
    const { pathname } = new URL(url, "http://proxy");
    return new RegExp(`/(namespaces|securenamespaces|clustertrustpolicies)/${this.name}(/|$)`).test(pathname);
  }

  async create(): Promise<void> {
    await this.createUnsecured();
    await this.secure();
  }

  /** The namespace and what is to be served there, and nothing that keeps it apart. */
  async createUnsecured(): Promise<void> {
    await this.#admin.create<KubeObject>(namespaces, { metadata: { name: this.name } });
    await this.trust(true);
    await this.serve("v1");
  }

  async secure(): Promise<void> {
    await this.#apply(secured, {
      metadata: { name: this.name },
      spec: {
        profile: "serving",
        enforcement: "Enforce",
        allowedImages: [{ name: "runtime", reference: this.#models.runtime }],
      },
    });
  }

  /** With or without the key. */
  async trust(key: boolean): Promise<void> {
    const authorities = key ? [{ name: "release", key: { inline: this.#models.publicKey } }] : [];
    await this.#apply(policies, {
      metadata: { name: this.name },
      spec: { scope: { references: [`${this.#models.repository}/model`], namespaces: [this.name] }, authorities },
    });
  }

  async serve(version: "v1" | "v2"): Promise<void> {
    await this.#apply(models, {
      metadata: { name: modelName, namespace: this.name },
      spec: {
        source: { oci: { reference: this.#models[version] } },
        workload: {
          managed: {
            template: {
              spec: {
                schedulerName: SimulatedKubelet.schedulerName,
                containers: [{ name: "runtime", image: this.#models.runtime }],
              },
            },
          },
        },
      },
    });
  }

  async delete(): Promise<void> {
    await this.#admin.remove(models, { namespace: this.name, name: modelName });
    await this.#admin.remove(secured, { name: this.name });
  }

  async serves(version: "v1" | "v2"): Promise<boolean> {
    const model = await this.#model();
    const digest = this.#models[version].split("@")[1];
    const space = await this.#admin.get<Served>(secured, { name: this.name });
    return (
      conditionOf(model, "Ready") === "True" &&
      model?.status?.active?.digest === digest &&
      conditionOf(space, "Ready") === "True"
    );
  }

  /** The containers of what serves end again and again, as a kubelet would say it. Gives the name of that revision. */
  async fail(): Promise<string | undefined> {
    const revision = (await this.#model())?.status?.active?.revision;
    const value = {
      phase: "Running",
      conditions: [{ type: "Ready", status: "False", lastTransitionTime: "2026-01-01T00:00:00Z" }],
      containerStatuses: [
        {
          name: "runtime",
          image: "a",
          imageID: "a",
          ready: false,
          restartCount: 4,
          state: { waiting: { reason: "CrashLoopBackOff" } },
          lastState: { terminated: { exitCode: 3, finishedAt: "2026-01-01T00:00:00Z" } },
        },
      ],
    };
    for (const { metadata } of await this.#admin.list<KubeObject>(pods, { namespace: this.name })) {
      if (metadata.labels?.["mlsecops.io/revision"] !== revision) continue;
      await this.#admin.patchJson(pods, metadata, [{ op: "add", path: "/status", value }], { subresource: "status" });
    }
    return revision;
  }

  /** It serves instead of what the spec asks for. */
  async rolledBackTo(version: "v1" | "v2"): Promise<boolean> {
    const model = await this.#model();
    const digest = this.#models[version].split("@")[1];
    const { active, rollback, conditions } = model?.status ?? {};
    const reason = conditions?.find(({ type }) => type === "Ready")?.reason;
    return (
      reason === "RolledBack" && rollback !== undefined && active?.digest === digest && (await this.#podsLeft()) === 1
    );
  }

  /** Nothing of the model runs, may run or can be reached, and its status says so. */
  async quarantined(): Promise<boolean> {
    const model = await this.#model();
    return model?.status?.quarantine !== undefined && (await this.isCleared());
  }

  async isCleared(): Promise<boolean> {
    return !(await this.#grantHoldsModel()) && (await this.#podsLeft()) === 0 && !(await this.#deploymentIsThere());
  }

  /** As after the deletion of both objects. */
  async gone(): Promise<boolean> {
    return (
      (await this.#model()) === undefined &&
      (await this.#admin.get(secured, { name: this.name })) === undefined &&
      (await this.isCleared()) &&
      (await this.#admin.list(revisions, { namespace: this.name })).length === 0
    );
  }

  /** Everything in the cluster that the operator is answerable for, without what differs from one run to the next. */
  async state(): Promise<unknown> {
    const inside = { namespace: this.name };
    const found: Record<string, unknown> = {};
    const own = async (type: ResourceType): Promise<void> => {
      const object = await this.#admin.get<KubeObject>(type, { name: this.name });
      found[type.kind] = object === undefined ? "none" : this.#normalised(object);
    };
    const all = async (type: ResourceType): Promise<void> => {
      const objects = await this.#admin.list<KubeObject>(type, inside);
      found[type.kind] = objects
        .filter(({ metadata }) => type !== configMaps || metadata.name !== "kube-root-ca.crt")
        .map((object) => this.#normalised(object))
        .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    };
    for (const type of [namespaces, policies, secured]) await own(type);
    for (const type of [models, revisions, grants, deployments, services, roleBindings, configMaps, pods])
      await all(type);
    return found;
  }

  /** Takes the namespace away, also when nobody is left to do what a finalizer waits for. */
  async remove(): Promise<void> {
    const strip = async (type: ResourceType, key: { name: string; namespace?: string }): Promise<void> => {
      const remove: JsonPatchOperation = { op: "add", path: "/metadata/finalizers", value: [] };
      try {
        await this.#admin.remove(type, key);
        await this.#admin.patchJson(type, key, [remove]);
      } catch (error) {
        if (!isKubeError(error, "NotFound")) throw error;
      }
    };
    await strip(models, { namespace: this.name, name: modelName });
    await strip(secured, { name: this.name });
    await this.#admin.remove(policies, { name: this.name });
    await this.#admin.remove(namespaces, { name: this.name });
  }

  #model(): Promise<Served | undefined> {
    return this.#admin.get<Served>(models, { namespace: this.name, name: modelName });
  }

  async #grantHoldsModel(): Promise<boolean> {
    const grant = await this.#admin.get<KubeObject & { spec?: unknown }>(grants, {
      namespace: this.name,
      name: "mlsecops",
    });
    const text = JSON.stringify(grant?.spec ?? {});
    return [this.#models.v1, this.#models.v2].some((reference) => text.includes(reference.split("@")[1] ?? reference));
  }

  async #podsLeft(): Promise<number> {
    return (await this.#admin.list(pods, { namespace: this.name })).length;
  }

  async #deploymentIsThere(): Promise<boolean> {
    return (await this.#admin.get(deployments, { namespace: this.name, name: modelName })) !== undefined;
  }

  async #apply(type: ResourceType, object: KubeObject & { spec: unknown }): Promise<void> {
    await this.#admin.apply<KubeObject>(type, { apiVersion, kind: type.kind, ...object }, { fieldManager });
  }

  #normalised(object: KubeObject): unknown {
    return normalise(JSON.parse(JSON.stringify(object).replaceAll(this.name, "LANE")));
  }
}

function conditionOf(object: Served | undefined, type: string): string | undefined {
  return object?.status?.conditions?.find((condition) => condition.type === type)?.status;
}

const dropped = new Set([
  "uid",
  "resourceVersion",
  "managedFields",
  "creationTimestamp",
  "generation",
  "observedGeneration",
  "clusterIP",
  "clusterIPs",
  "generateName",
  "pod-template-hash",
  "deployment.kubernetes.io/revision",
  // A hash over names, too.
  "fingerprint",
  "trustFingerprint",
]);
const time = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z/g;
const podName = new RegExp(`${modelName}-[a-z0-9]{6,10}-[a-z0-9]{5}\\b`, "g");

/** Without names, times and numbers that the API server gave, and with lists of named things in one order. */
function normalise(value: unknown): unknown {
  if (typeof value === "string") return value.replace(time, "TIME").replace(podName, "POD");
  if (Array.isArray(value)) {
    const items = value.map(normalise);
    return items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !dropped.has(key))
      .map(([key, child]) => [
        normalise(key),
        key === "data" ? Object.keys(child as object).map(normalise) : normalise(child),
      ])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  ) as unknown;
}
