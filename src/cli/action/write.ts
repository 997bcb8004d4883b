/** Writes with the caller's own rights, through the client that knows dry runs. */
import type { KubeConfig } from "@kubernetes/client-node";
import { z } from "zod";
import { type ModelActionSpec, modelAction } from "../../api/index.ts";
import { type KubeObject, ObjectClient, type ResourceType, createTransport, isKubeError } from "../../kube/index.ts";
import { type Answer, known } from "../ask.ts";

const selfSubjectReview: ResourceType = {
  ...{ group: "authentication.k8s.io", version: "v1", kind: "SelfSubjectReview" },
  ...{ plural: "selfsubjectreviews", namespaced: false },
};

const Review = z.looseObject({ status: z.looseObject({ userInfo: z.looseObject({ username: z.string().min(1) }) }) });

export interface Place {
  readonly namespace: string;
  readonly model: string;
}

export class Writer {
  readonly #client: ObjectClient;
  readonly #isDryRun: boolean;

  constructor(kubeConfig: KubeConfig, isDryRun: boolean) {
    // Somebody waits for it, as for what is only read.
    const transport = createTransport({ kubeConfig, userAgent: "mlsecops", deadlineMs: 15_000 });
    this.#client = new ObjectClient({ transport });
    this.#isDryRun = isDryRun;
  }

  /** The caller's name, as admission compares it. */
  async whoAmI(): Promise<Answer<string>> {
    const answer = await attempt(() => this.#client.create<KubeObject>(selfSubjectReview, { metadata: { name: "" } }));
    if (answer.state !== "known") return answer;
    const review = Review.safeParse(answer.value);
    if (!review.success) return { state: "unknown", reason: "the API server does not say who you are" };
    return known(review.data.status.userInfo.username);
  }

  /** The API server makes the rest of the name. Gives the whole of it. */
  async create({ namespace, model }: Place, spec: ModelActionSpec): Promise<Answer<string>> {
    const generateName = `${model}-${spec.type.toLowerCase()}-`;
    const object = { metadata: { name: "", generateName, namespace }, spec };
    const answer = await attempt(() =>
      this.#client.create<KubeObject>(modelAction.resource, object, { dryRun: this.#isDryRun }),
    );
    return answer.state === "known" ? known(answer.value.metadata.name) : answer;
  }

  remove({ namespace }: Place, name: string): Promise<Answer<void>> {
    return attempt(() => this.#client.remove(modelAction.resource, { namespace, name }, { dryRun: this.#isDryRun }));
  }
}

async function attempt<T>(request: () => Promise<T>): Promise<Answer<T>> {
  try {
    return known(await request());
  } catch (error) {
    if (!isKubeError(error)) throw error;
    return { state: "unknown", reason: isKubeError(error, "Forbidden") ? withRole(error.message) : error.message };
  }
}

/** RBAC names the right that is missing, not the role that has it. What admission policies say is left as it is. */
export function withRole(message: string): string {
  if (!/cannot (create|delete) resource "modelactions"/.test(message)) return message;
  return `${message}; that takes ClusterRole mlsecops-operate: have an administrator bind it to you in this namespace`;
}
