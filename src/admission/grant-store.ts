import type { AdmissionGrant, AdmissionGrantSpec } from "../api/index.ts";
import type { ObjectClient } from "../kube/index.ts";
import { GrantChange, type GrantEdit } from "./grant-change.ts";
import { GrantLane } from "./grant-lane.ts";

/** What is remembered of more namespaces than these is forgotten: that costs a request, and nothing else. */
const maxIdleLanes = 4096;

/**
 * Changes the one AdmissionGrant of a namespace. Several owners share it, so a write is a change to what is there now, under
 * optimistic lock: a lost update could bring back what a quarantine has just withdrawn. Changes of one namespace that are
 * asked for at the same time are written together.
 */
export class GrantStore {
  readonly #client: ObjectClient;
  readonly #cached: (namespace: string) => AdmissionGrant | undefined;
  /** Least recently used first. */
  readonly #lanes = new Map<string, GrantLane>();

  /** `cached`: the grant as the watch has brought it, which may be behind. Without it, it is read where it must be known. */
  constructor(client: ObjectClient, cached: (namespace: string) => AdmissionGrant | undefined = () => undefined) {
    this.#client = client;
    this.#cached = cached;
  }

  /**
   * Returns the grant as it stands after the change. `ensure`: there is one afterwards, even if it grants nothing. Without
   * it, who only withdraws makes none: a namespace that is being deleted would not take it. The signal ends the wait for
   * this change, and no write that others wait for.
   * @throws KubeError; a conflict that lasts is thrown as such. What `change` throws is thrown too.
   */
  change(
    namespace: string,
    change: GrantEdit["change"],
    { signal, ensure = false }: { readonly signal?: AbortSignal; readonly ensure?: boolean } = {},
  ): Promise<AdmissionGrantSpec> {
    const asked = new GrantChange({ change, ensure }, signal);
    if (asked.isWanted) this.#lane(namespace).add(asked);
    return asked.outcome;
  }

  #lane(namespace: string): GrantLane {
    const lane = this.#lanes.get(namespace) ?? new GrantLane(this.#client, namespace, () => this.#cached(namespace));
    this.#lanes.delete(namespace);
    this.#lanes.set(namespace, lane);
    if (this.#lanes.size > maxIdleLanes) this.#forgetOne();
    return lane;
  }

  #forgetOne(): void {
    for (const [namespace, lane] of this.#lanes) {
      if (!lane.isIdle) continue;
      this.#lanes.delete(namespace);
      return;
    }
  }
}
