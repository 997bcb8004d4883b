import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type KubeObject, type ObjectClient, apiVersionOf, serviceType } from "../../../src/kube/index.ts";
import { httpRouteType } from "../../../src/traffic/index.ts";
import { freePort } from "../free-port.ts";
import { Daemon } from "../sigstore/daemon.ts";
import { send } from "./requests.ts";
import { type Rule, nginxConfig } from "./nginx.ts";
import { type RouteObject, RouteSchema, SliceSchema, endpointSliceType } from "./read.ts";

export interface GatewayOptions {
  readonly client: ObjectClient;
  readonly namespace: string;
  readonly name: string;
  /** The namespace whose routes its listener allows. */
  readonly routesFrom: string;
  /** host:port under which the test answers for the port of a pod. */
  readonly podAt: (address: string, port: number) => string;
}

/**
 * A data plane for tests: HTTPRoutes, Services and EndpointSlices of a real API server, done by nginx. It does what is asked
 * for by {@link sync} and nothing by itself, so that a test says how late it is. No implementation of the Gateway API.
 */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #directory: string;
  readonly port: number;
  #daemon: Daemon | undefined;
  #generation = 0;
  #routes: readonly RouteObject[] = [];

  private constructor(options: GatewayOptions, directory: string, port: number) {
    this.#options = options;
    this.#directory = directory;
    this.port = port;
  }

  static async start(options: GatewayOptions): Promise<Gateway> {
    const directory = await mkdtemp(join(tmpdir(), "gateway-"));
    // Where nginx is started as root, its workers are not.
    await chmod(directory, 0o755);
    const gateway = new Gateway(options, directory, await freePort());
    await gateway.#write([], new Map());
    gateway.#daemon = await Daemon.start({
      program: "nginx",
      args: ["-e", "stderr", "-p", directory, "-c", join(directory, "nginx.conf")],
      directory,
      readyUrl: `http://127.0.0.1:${gateway.port}/generation`,
    });
    return gateway;
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Takes over all routes of this gateway, and says so in their status. */
  async sync(): Promise<void> {
    const { client, namespace, name, routesFrom } = this.#options;
    const all = (await client.list(httpRouteType, { namespace: routesFrom })).map((one) => RouteSchema.parse(one));
    this.#routes = all.filter(({ metadata, spec }) =>
      spec.parentRefs.some((parent) => parent.name === name && (parent.namespace ?? metadata.namespace) === namespace),
    );
    await this.syncEndpoints();
    for (const route of this.#routes) await this.#answer(route);
  }

  /** Takes over what is behind the Services, but no newer route: so is a Gateway that is late. */
  async syncEndpoints(): Promise<void> {
    const { client, podAt, routesFrom: namespace } = this.#options;
    const labelSelector = "kubernetes.io/service-name";
    const slices = (await client.list(endpointSliceType, { namespace, labelSelector })).map((one) =>
      SliceSchema.parse(one),
    );
    const rules = this.#routes.map(ruleOf);
    const services = rules.flatMap(({ shares, mirrorsTo }) => [...shares.map(({ service }) => service), ...mirrorsTo]);
    const ready = (service: string) =>
      slices
        .filter(({ metadata }) => metadata.labels["kubernetes.io/service-name"] === service)
        .flatMap(({ endpoints, ports }) =>
          (endpoints ?? [])
            .filter(({ conditions }) => conditions.ready)
            .flatMap(({ addresses }) =>
              addresses.flatMap((address) => (ports ?? []).map(({ port }) => podAt(address, port))),
            ),
        );
    await this.#write(rules, new Map([...new Set(services)].map((service) => [service, ready(service)])));
    await this.#reload();
  }

  async #write(rules: readonly Rule[], endpoints: ReadonlyMap<string, readonly string[]>): Promise<void> {
    this.#generation += 1;
    const text = nginxConfig({
      ...{ directory: this.#directory, port: this.port, generation: this.#generation },
      ...{ rules, endpoints },
    });
    await writeFile(join(this.#directory, "nginx.conf"), text);
  }

  /** Until only the new configuration answers: the workers of the old one finish what they have, and end. */
  async #reload(): Promise<void> {
    const { pid } = this.#daemon ?? {};
    if (pid === undefined) throw new Error("the gateway is not running");
    const workers = async () => (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).trim().split(" ");
    const before = await workers();
    process.kill(pid, "SIGHUP");
    const limit = Date.now() + 30_000;
    for (;;) {
      const { body } = await send(this.port, "/generation", "127.0.0.1");
      const now = await workers();
      if (body === String(this.#generation) && !now.some((one) => before.includes(one))) return;
      if (Date.now() > limit) throw new Error(`nginx does not take the configuration in ${this.#directory}`);
      await delay(10);
    }
  }

  async #answer({ metadata, spec }: RouteObject): Promise<void> {
    const { client } = this.#options;
    const { name, namespace, generation } = metadata;
    const [rule] = spec.rules;
    const refs = [...(rule?.backendRefs ?? []), ...(rule?.filters ?? []).map((one) => one.requestMirror.backendRef)];
    const living = new Set((await client.list(serviceType, { namespace })).map((one) => one.metadata.name));
    const lost = refs.filter((ref) => !living.has(ref.name)).map((ref) => ref.name);
    const condition = (type: string, problem: string | undefined) => ({
      type,
      status: problem === undefined ? "True" : "False",
      reason: problem === undefined ? type : "BackendNotFound",
      message: problem ?? "",
      observedGeneration: generation,
      lastTransitionTime: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
    });
    const parents = spec.parentRefs
      .filter((parent) => parent.name === this.#options.name)
      .map((parent) => ({
        parentRef: parent,
        controllerName: "mlsecops.io/test-gateway",
        conditions: [
          condition("Accepted", undefined),
          condition("ResolvedRefs", lost.length === 0 ? undefined : `Service ${lost.join(", ")} not found`),
        ],
      }));
    const route = {
      ...{ apiVersion: apiVersionOf(httpRouteType), kind: httpRouteType.kind },
      ...{ metadata: { name, namespace }, status: { parents } },
    };
    await client.apply<KubeObject>(httpRouteType, route, { fieldManager: "test-gateway", subresource: "status" });
  }
}

function ruleOf({ spec }: RouteObject): Rule {
  const [rule] = spec.rules;
  return {
    hosts: spec.hostnames,
    shares: (rule?.backendRefs ?? []).map(({ name, weight }) => ({ service: name, weight })),
    mirrorsTo: (rule?.filters ?? []).map(({ requestMirror }) => requestMirror.backendRef.name),
  };
}
