import { peopleBindings } from "../../../../src/access/index.ts";
import {
  GRANT_NAME,
  type PersonRole,
  type Profile,
  SecureNamespaceSpec,
  admissionGrant,
  personRoles,
} from "../../../../src/api/index.ts";
import {
  type KubeObject,
  ObjectClient,
  type Transport,
  isKubeError,
  namespaceType,
  roleBindingType,
} from "../../../../src/kube/index.ts";
import { connect, randomName } from "../../kube/support.ts";
import { Installation } from "../../operator/support/installation.ts";

const profiles: readonly Profile[] = ["experiment", "training", "serving"];

/** Granted in each namespace: where a policy refuses a pod with it, it is not for its image. */
export const grantedDigest = `sha256:${"a".repeat(64)}`;
const notAfter = "2099-01-01T00:00:00Z";

export interface Attempt {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
}

/** What came of an attempt: RBAC let it through, or did not, or something behind RBAC refused it, which says why. */
export type Outcome = "Allowed" | "Forbidden" | { readonly refused: string };

/** The products on a cluster, with a namespace of each profile, in which a group for each role is bound by the operator. */
export class PeopleWorld {
  readonly installation = new Installation();
  readonly names: Readonly<Record<Profile, string>> = {
    experiment: randomName("people-experiment"),
    training: randomName("people-training"),
    serving: randomName("people-serving"),
  };
  operator!: ObjectClient;
  #transport: Transport | undefined;

  async set(): Promise<void> {
    await this.installation.install();
    this.#transport = connect(await this.installation.operatorKubeConfig());
    this.operator = new ObjectClient({ transport: this.#transport });
    for (const profile of profiles) {
      const name = this.names[profile];
      await this.installation.admin.create<KubeObject>(namespaceType, { metadata: { name } });
      const labels = { "mlsecops.io/enforcement": "enforce", "mlsecops.io/profile": profile };
      await this.operator.patchJson(namespaceType, { name }, [
        ...Object.entries(labels).map(([label, value]) => ({
          op: "add" as const,
          path: `/metadata/labels/${label.replace("/", "~1")}`,
          value,
        })),
      ]);
      const use = { notAfter, grantors: [{ kind: "SecureNamespace", name, notAfter }] };
      await this.operator.create<KubeObject>(admissionGrant.resource, {
        metadata: { name: GRANT_NAME, namespace: name },
        spec: { digests: { [grantedDigest]: { container: use } }, revisions: {} },
      } as KubeObject);
      for (const binding of peopleBindings(name, specOf(profile)))
        await this.operator.apply(roleBindingType, binding, { fieldManager: "test" });
    }
  }

  /** As somebody who has this role in all three namespaces. */
  as(role: PersonRole, attempt: Attempt): Promise<Outcome> {
    return this.asMember(groupOf(role), attempt);
  }

  /** As a user who is in this group alone. */
  async asMember(group: string, attempt: Attempt): Promise<Outcome> {
    const headers = { "impersonate-user": `someone-in-${group}`, "impersonate-group": group };
    return tryOut(this.installation.transport, attempt, headers);
  }

  async strike(): Promise<void> {
    for (const name of Object.values(this.names)) await this.installation.admin.remove(namespaceType, { name });
    this.#transport?.close();
    this.installation.transport.close();
  }
}

export function groupOf(role: PersonRole): string {
  return `team-${role.toLowerCase()}`;
}

export function specOf(profile: Profile): SecureNamespaceSpec {
  const people = personRoles.map((role) => ({ role, groups: [groupOf(role)] }));
  return SecureNamespaceSpec.parse({ profile, enforcement: "Enforce", people });
}

/** Sends a request that changes nothing, even where it is allowed. */
export async function tryOut(
  transport: Transport,
  { method, path, body }: Attempt,
  headers: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const dry = method === "GET" || path.includes("?") ? path : `${path}?dryRun=All`;
  try {
    await transport.request({
      method,
      path: dry,
      headers: { ...headers, ...(method === "GET" ? {} : { "content-type": type }) },
      body: body === undefined ? (method === "POST" || method === "PATCH" ? "{}" : undefined) : JSON.stringify(body),
      verb: method.toLowerCase(),
      resource: "tests",
      idempotent: false,
    });
    return "Allowed";
  } catch (error) {
    if (!isKubeError(error)) throw error;
    if (isKubeError(error, "Forbidden") && /cannot (impersonate|[a-z]+) resource/.test(error.message))
      return "Forbidden";
    return { refused: error.message };
  }
}
