import { GrantStore } from "../../../../src/admission/index.ts";
import { type EventDetail, Metrics, ObjectClient, type RateLimit, systemClock } from "../../../../src/kube/index.ts";
import { namespaceControllers } from "../../../../src/operator/controllers/namespaces.ts";
import { createInformers, informerMaker } from "../../../../src/operator/informers.ts";
import { InstalledKinds } from "../../../../src/operator/served-kinds.ts";
import { WallKinds } from "../../../../src/operator/wall-kinds.ts";
import { wireServed, wireWalls } from "../../../../src/operator/wall-wiring.ts";
import { reachTypes } from "../../../../src/reach/index.ts";
import { connect, silentLog } from "../../kube/support.ts";
import { type Installation, operatorNamespace } from "../../operator/support/installation.ts";

/** The controllers of SecureNamespaces, as the operator runs them and with its rights. No artifact is verified here. */
export class Keeper {
  readonly events: EventDetail[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  private constructor(client: ObjectClient) {
    const { signal } = this.#stop;
    const identity = { namespace: operatorNamespace, serviceAccount: "mlsecops-operator" };
    const shared = { clock: systemClock, log: silentLog(), metrics: new Metrics() };
    const watching = { client, ...shared, operatorNamespace };
    const informers = createInformers(watching);
    const { definitions } = informers;
    const installed = new InstalledKinds({
      definitions,
      types: reachTypes,
      create: informerMaker(watching),
      clock: systemClock,
    });
    const kinds = new WallKinds({ installed, client, signal, ...shared });
    const events = { emit: (_regarding: unknown, detail: EventDetail) => this.events.push(detail) };
    const { namespaceController: isolation, wallsController: walls } = namespaceControllers(
      { informers, client, events, identity, shared },
      {
        kinds,
        granting: {
          grants: new GrantStore(client),
          verifier: { verify: () => Promise.reject(new Error("nothing is verified here")) },
          policies: () => [],
          exceptions: () => [],
          pullCredentials: () => ({ who: "nobody", read: () => Promise.resolve(undefined) }),
          guardProblems: () => [],
        },
        dns: { namespace: "kube-system", podLabels: { "k8s-app": "kube-dns" } },
        probes: () => undefined,
        // Who reaches whom, and who may do what, has tests of its own.
        reach: () => ({ excess: { breaches: [], total: 0 }, unknown: [] }),
        access: () => ({ count: 0, examples: [] }),
      },
    );
    wireWalls(informers, walls);
    wireServed(kinds, informers, walls);
    isolation.watch(informers.namespaces);
    isolation.watch(informers.living, ({ metadata }) => [metadata.name]);
    isolation.watch(informers.pods, ({ metadata }) => [metadata.namespace ?? ""]);
    for (const informer of Object.values(informers)) informer.start(signal);
    installed.start(signal);
    this.#running = installed.settled(signal).then(() => Promise.all([isolation.run(signal), walls.run(signal)]));
  }

  /** `rateLimit`: of requests to the API server, where it matters. */
  static async start(installation: Installation, rateLimit?: RateLimit): Promise<Keeper> {
    const transport = connect(await installation.operatorKubeConfig(), rateLimit === undefined ? {} : { rateLimit });
    return new Keeper(new ObjectClient({ transport }));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}
