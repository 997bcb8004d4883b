import { z } from "zod";
import {
  type AdminKind,
  type ServedNetwork,
  type WallSource,
  adminNetworkPolicyType,
  ciliumNetworkPolicyType,
  clusterNetworkPolicyType,
} from "../isolation/index.ts";
import {
  type Clock,
  type Informer,
  type KubeObject,
  type Logger,
  type ObjectClient,
  type ResourceType,
  apiVersionOf,
  isKubeError,
  sleep,
} from "../kube/index.ts";
import type { InstalledKinds } from "./served-kinds.ts";

/** Of the schemas that the API server publishes, where it says whether a policy knows ranges of addresses. */
const Schemas = z.object({ components: z.object({ schemas: z.record(z.string(), z.unknown()) }) });

/** How often it is asked for a schema that could not be read. */
const askAgainMs = 60_000;

const wallTypes = [clusterNetworkPolicyType, adminNetworkPolicyType, ciliumNetworkPolicyType];

export interface WallKindsOptions {
  readonly installed: InstalledKinds;
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends what is asked. */
  readonly signal: AbortSignal;
}

/** Called when a kind is found to be served, with its informer, and without one when it is served no more. */
export type ServedHandler = (informer: Informer<KubeObject> | undefined) => void;

/**
 * What the cluster's network knows beside NetworkPolicies, and the walls of these kinds. To be made before what is installed
 * is looked at.
 */
export class WallKinds {
  readonly #options: WallKindsOptions;
  readonly #informers = new Map<ResourceType, Informer<KubeObject>>();
  readonly #handlers: ServedHandler[] = [];
  /** The informer of AdminNetworkPolicies, while its schema is asked for. */
  #asking: Informer<KubeObject> | undefined;
  #adminKnowsNetworks = false;

  constructor(options: WallKindsOptions) {
    this.#options = options;
    options.installed.follow({ changed: () => undefined, doubted: () => this.#look() });
  }

  get served(): ServedNetwork {
    return { names: this.#informers.has(ciliumNetworkPolicyType), admin: this.#admin() };
  }

  get sources(): readonly WallSource[] {
    return [...this.#informers.values()].map(({ type, store }) => ({ type, store }));
  }

  onServed(handler: ServedHandler): void {
    this.#handlers.push(handler);
  }

  /** Of the two the newer one is used. */
  #admin(): AdminKind | undefined {
    if (this.#informers.has(clusterNetworkPolicyType)) return { type: clusterNetworkPolicyType, networks: true };
    if (!this.#informers.has(adminNetworkPolicyType)) return undefined;
    return { type: adminNetworkPolicyType, networks: this.#adminKnowsNetworks };
  }

  #look(): void {
    const { installed } = this.#options;
    for (const type of wallTypes) {
      const informer = installed.informer(type);
      if (informer === this.#informers.get(type)) continue;
      if (informer === undefined) this.#lose(type);
      else if (type !== adminNetworkPolicyType) this.#use(type, informer);
      else if (informer !== this.#asking) void this.#useAdmin(informer);
    }
  }

  async #useAdmin(informer: Informer<KubeObject>): Promise<void> {
    const { clock, log, signal } = this.#options;
    this.#asking = informer;
    while (this.#asking === informer) {
      try {
        const networks = await this.#knowsNetworks(signal);
        // It may be gone again, or be another one by now.
        if (this.#options.installed.informer(adminNetworkPolicyType) !== informer) return;
        this.#adminKnowsNetworks = networks;
        this.#use(adminNetworkPolicyType, informer);
        return;
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ err: error }, "what AdminNetworkPolicies know cannot be found out now");
      }
      if (!(await sleep(clock, askAgainMs, signal))) return;
    }
  }

  #use(type: ResourceType, informer: Informer<KubeObject>): void {
    this.#informers.set(type, informer);
    this.#options.log.info({ kind: type.kind }, "the cluster serves a kind of policy that walls are made of");
    for (const handler of this.#handlers) handler(informer);
  }

  #lose(type: ResourceType): void {
    this.#informers.delete(type);
    this.#options.log.info({ kind: type.kind }, "a kind of policy that walls are made of is served no more");
    for (const handler of this.#handlers) handler(undefined);
  }

  /** The stable channel of AdminNetworkPolicy had none for a long time. */
  async #knowsNetworks(signal: AbortSignal): Promise<boolean> {
    const text = await this.#get(`/openapi/v3/apis/${apiVersionOf(adminNetworkPolicyType)}`, signal);
    if (text === undefined) return false;
    const { schemas } = Schemas.parse(JSON.parse(text)).components;
    return Object.entries(schemas).some(
      ([name, schema]) => name.endsWith(".AdminNetworkPolicy") && JSON.stringify(schema).includes('"networks":'),
    );
  }

  async #get(path: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      const { body } = await this.#options.client.transport.request({
        method: "GET",
        path,
        headers: {},
        body: undefined,
        verb: "get",
        resource: "discovery",
        idempotent: true,
        signals: [signal],
      });
      return body;
    } catch (error) {
      if (isKubeError(error, "NotFound")) return undefined;
      throw error;
    }
  }
}
