import { isDeepStrictEqual } from "node:util";
import {
  type AdmissionGrant,
  type AdmissionGrantSpec,
  API_VERSION,
  GRANT_NAME,
  admissionGrant,
  parseObject,
} from "../api/index.ts";
import { type ObjectClient, isKubeError } from "../kube/index.ts";
import { emptyGrant } from "./grant.ts";

const attempts = 5;

/**
 * Reads and writes the one AdmissionGrant of a namespace. Several owners share it, so a write is a change to what is there
 * now, under optimistic lock: a lost update could bring back what a quarantine has just withdrawn.
 */
export class GrantStore {
  readonly #client: ObjectClient;

  constructor(client: ObjectClient) {
    this.#client = client;
  }

  /**
   * Returns the grant as it stands after the change. `ensure`: there is one afterwards, even if it grants nothing. Without
   * it, who only withdraws makes none: a namespace that is being deleted would not take it.
   * @throws KubeError; a conflict that lasts is thrown as such.
   */
  async change(
    namespace: string,
    change: (grant: AdmissionGrantSpec) => AdmissionGrantSpec,
    { signal, ensure = false }: { readonly signal?: AbortSignal; readonly ensure?: boolean } = {},
  ): Promise<AdmissionGrantSpec> {
    const client = signal === undefined ? this.#client : this.#client.withSignal(signal);
    for (let attempt = 1; ; attempt++) {
      const current = await client.get<AdmissionGrant>(admissionGrant.resource, { namespace, name: GRANT_NAME });
      const before = specOf(current);
      const after = change(before);
      if ((current !== undefined || !ensure) && isDeepStrictEqual(before, after)) return before;
      const object = {
        apiVersion: API_VERSION,
        kind: admissionGrant.resource.kind,
        metadata: { ...current?.metadata, name: GRANT_NAME, namespace },
        spec: after,
      };
      try {
        if (current === undefined) await client.create(admissionGrant.resource, object);
        else await client.replace(admissionGrant.resource, object);
        return after;
      } catch (error) {
        const raced = isKubeError(error, "Conflict") || isKubeError(error, "AlreadyExists");
        if (!raced || attempt === attempts) throw error;
      }
    }
  }
}

/** A grant that does not parse grants nothing: it is written anew from what its owners say. */
function specOf(grant: AdmissionGrant | undefined): AdmissionGrantSpec {
  if (grant === undefined) return emptyGrant;
  const parsed = parseObject(admissionGrant, grant);
  return parsed.ok ? parsed.value.spec : emptyGrant;
}
