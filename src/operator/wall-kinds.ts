import { z } from "zod";
import {
  type AdminKind,
  type ServedNetwork,
  type WallSource,
  adminNetworkPolicyType,
  ciliumNetworkPolicyType,
  clusterNetworkPolicyType,
} from "../isolation/index.ts";
import { WALL_LABEL } from "../admission/index.ts";
import {
  type Clock,
  Informer,
  type KubeObject,
  type Logger,
  type Metrics,
  type ObjectClient,
  type ResourceType,
  apiVersionOf,
  isKubeError,
  sleep,
} from "../kube/index.ts";

const Resources = z.object({ resources: z.array(z.object({ name: z.string() })) });
/** Of the schemas that the API server publishes, where it says whether a policy knows ranges of addresses. */
const Schemas = z.object({ components: z.object({ schemas: z.record(z.string(), z.unknown()) }) });

/** How often it is asked whether the cluster's network has learned something. */
const askAgainMs = 60_000;

interface Options {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** What the cluster's network knows beside NetworkPolicies, and the walls of these kinds, as far as they are served. */
export class WallKinds {
  readonly #options: Options;
  readonly #informers = new Map<string, Informer<KubeObject>>();
  readonly #asked = new Set<string>();
  readonly #handlers: ((informer: Informer<KubeObject>) => void)[] = [];
  #admin: AdminKind | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  get served(): ServedNetwork {
    return { names: this.#has(ciliumNetworkPolicyType), admin: this.#admin };
  }

  get sources(): readonly WallSource[] {
    return [...this.#informers.values()].map(({ type, store }) => ({ type, store }));
  }

  /** Called with the informer of each kind when it is found to be served. */
  onServed(handler: (informer: Informer<KubeObject>) => void): void {
    this.#handlers.push(handler);
  }

  /** Asks now, and again from time to time, until the signal aborts. Resolves after the first answer. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#ask(signal);
    void this.#askAgain(signal);
  }

  async #askAgain(signal: AbortSignal): Promise<void> {
    while (await sleep(this.#options.clock, askAgainMs, signal)) await this.#ask(signal);
  }

  async #ask(signal: AbortSignal): Promise<void> {
    try {
      for (const type of [clusterNetworkPolicyType, adminNetworkPolicyType, ciliumNetworkPolicyType])
        if (!this.#asked.has(type.plural) && (await this.#isServed(type, signal))) await this.#found(type, signal);
    } catch (error) {
      if (!signal.aborted) this.#options.log.warn({ err: error }, "what policies are served cannot be found out now");
    }
  }

  async #found(type: ResourceType, signal: AbortSignal): Promise<void> {
    const networks = type !== adminNetworkPolicyType || (await this.#knowsNetworks(signal));
    const informer = new Informer<KubeObject>({ ...this.#options, type, labelSelector: WALL_LABEL });
    this.#asked.add(type.plural);
    informer.start(signal);
    // Without the right to list them that never comes, and nothing waits for it.
    void informer.waitForSync(signal).then(
      () => this.#use(type, { informer, networks }),
      () => undefined,
    );
  }

  #use(
    type: ResourceType,
    { informer, networks }: { readonly informer: Informer<KubeObject>; readonly networks: boolean },
  ): void {
    this.#informers.set(type.plural, informer);
    // Of the two the newer one is used, also where the older was found before it.
    if (type === clusterNetworkPolicyType || (type === adminNetworkPolicyType && this.#admin === undefined))
      this.#admin = { type, networks };
    this.#options.log.info({ kind: type.kind }, "the cluster serves a kind of policy that walls are made of");
    for (const handler of this.#handlers) handler(informer);
  }

  #has(type: ResourceType): boolean {
    return this.#informers.has(type.plural);
  }

  async #isServed(type: ResourceType, signal: AbortSignal): Promise<boolean> {
    const text = await this.#get(`/apis/${apiVersionOf(type)}`, signal);
    if (text === undefined) return false;
    return Resources.parse(JSON.parse(text)).resources.some(({ name }) => name === type.plural);
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
