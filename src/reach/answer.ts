/** "May this pod talk to that address?" as people ask it. */
import { parseAddress } from "./addresses.ts";
import { type Endpoint, type Evaluation, type Outcome, evaluate } from "./evaluate.ts";
import { matches } from "./labels.ts";
import type { Pod, Service, ServicePort } from "./objects.ts";
import { Protocol } from "./ports.ts";
import { refText } from "./text.ts";
import type { World } from "./world.ts";

export type From =
  | { readonly kind: "Pod"; readonly namespace: string; readonly name: string }
  | { readonly kind: "Address"; readonly address: string };

export type To = { readonly protocol: Protocol } & (
  | { readonly kind: "Pod"; readonly namespace: string; readonly name: string; readonly port: number }
  | { readonly kind: "Address"; readonly address: string; readonly port: number }
  /** By the number or the name of the Service's port. */
  | { readonly kind: "Service"; readonly namespace: string; readonly name: string; readonly port: number | string }
);

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

const label = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?";
const subdomain = "[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?";
const podName = new RegExp(`^(${label})/(${subdomain})$`);
const serviceName = new RegExp(`^svc/(${label})/(${label})$`);

/** `NAMESPACE/POD`, or an IP address. */
export function parseFrom(text: string): Parsed<From> {
  const bare = unbracketed(text);
  if (parseAddress(bare) !== undefined) return { ok: true, value: { kind: "Address", address: bare } };
  const [, namespace, name] = podName.exec(text) ?? [];
  if (namespace !== undefined && name !== undefined) return { ok: true, value: { kind: "Pod", namespace, name } };
  return { ok: false, problem: `${text}: write NAMESPACE/POD, or an IP address` };
}

/** `NAMESPACE/POD:PORT`, `svc/NAMESPACE/NAME:PORT` or `IP:PORT`, each with `/UDP` or `/SCTP` where it is not TCP. */
export function parseTo(text: string): Parsed<To> {
  const fail = (problem: string): Parsed<To> => ({ ok: false, problem: `${text}: ${problem}` });
  const [, target, portText = "", protocolText = "TCP"] = /^(.+):([^:/\]]+)(?:\/([A-Za-z]+))?$/.exec(text) ?? [];
  if (target === undefined || (target.includes(":") && !target.startsWith("[")))
    return fail("write NAMESPACE/POD:PORT, svc/NAMESPACE/NAME:PORT or IP:PORT (an IPv6 address as [IP]:PORT)");
  const protocol = Protocol.safeParse(protocolText.toUpperCase());
  if (!protocol.success) return fail(`the protocol is one of ${Protocol.options.join(", ")}`);
  const port = /^[1-9]\d{0,4}$/.test(portText) && Number(portText) <= 65_535 ? Number(portText) : undefined;
  const common = { protocol: protocol.data };
  const [, of, service] = serviceName.exec(target) ?? [];
  if (of !== undefined && service !== undefined) {
    if (port === undefined && !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(portText))
      return fail("the port is a number or a name");
    if (port === undefined && /^\d+$/.test(portText)) return fail("the port is a number from 1 to 65535");
    return { ok: true, value: { ...common, kind: "Service", namespace: of, name: service, port: port ?? portText } };
  }
  if (port === undefined) return fail("the port is a number from 1 to 65535");
  const address = unbracketed(target);
  if (parseAddress(address) !== undefined) return { ok: true, value: { ...common, kind: "Address", address, port } };
  const [, namespace, name] = podName.exec(target) ?? [];
  if (namespace !== undefined && name !== undefined)
    return { ok: true, value: { ...common, kind: "Pod", namespace, name, port } };
  return fail("write NAMESPACE/POD:PORT, svc/NAMESPACE/NAME:PORT or IP:PORT");
}

/** One pod behind a Service. */
export interface Backend extends Evaluation {
  readonly pod: string;
  readonly port: number | undefined;
}

export interface Answer extends Evaluation {
  /** Where the question is about a Service: each pod that may answer. */
  readonly backends: readonly Backend[];
}

/** Missing: something that is asked about is not there. */
export type Reply =
  { readonly state: "Answered"; readonly answer: Answer } | { readonly state: "Missing"; readonly problem: string };

export function answer(world: World, from: From, to: To): Reply {
  const source = from.kind === "Pod" ? podEnd(world, from) : { address: from.address };
  if (source === undefined) return missingPod(from);
  if (to.kind === "Service") {
    const service = world.view(to.namespace).services.find(({ ref }) => ref.name === to.name);
    if (service === undefined) return { state: "Missing", problem: `there is no Service ${to.namespace}/${to.name}` };
    return byService(world, source, service, to);
  }
  if (to.kind === "Address") {
    // Policies see where the Service leads, not its own address.
    const service = world.serviceAt(to.address);
    if (service !== undefined) return byService(world, source, service, to);
  }
  const destination = to.kind === "Pod" ? podEnd(world, to) : { address: to.address };
  if (destination === undefined) return missingPod(to);
  const { protocol, port } = to;
  return {
    state: "Answered",
    answer: { ...evaluate(world, { from: source, to: destination, protocol, port }), backends: [] },
  };
}

function podEnd(
  world: World,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Endpoint | undefined {
  const pod = world.pod(namespace, name);
  return pod === undefined ? undefined : { pod };
}

function missingPod(of: From | To): Reply {
  const name = of.kind === "Address" ? of.address : `${of.namespace}/${of.name}`;
  return { state: "Missing", problem: `there is no pod ${name}` };
}

function byService(
  world: World,
  source: Endpoint,
  service: Service,
  { port, protocol }: { readonly port: number | string; readonly protocol: Protocol },
): Reply {
  const name = refText(service.ref);
  const unknown = (why: string): Reply => ({
    state: "Answered",
    answer: { outcome: "Unknown", by: [], why, backends: [] },
  });
  if (service.kind === "ExternalName")
    return unknown(`${name} is another name for ${service.externalName ?? "something outside"}: ask about its address`);
  const wanted = service.ports.find((one) => one.protocol === protocol && (one.port === port || one.name === port));
  if (wanted === undefined && !(service.headless && typeof port === "number"))
    return { state: "Missing", problem: `${name} has no port ${protocol} ${port}` };
  if (service.selector === undefined)
    return unknown(
      `${name} has no selector, so somebody else says what is behind it: ask about the address of an endpoint`,
    );
  const { selector } = service;
  const pods = world.view(service.ref.namespace).pods.filter((pod) => !pod.finished && matches(selector, pod.labels));
  const backends = pods.map((pod) =>
    backendOf(world, source, pod, { protocol, port: targetOf(pod, service, wanted, port) }),
  );
  return { state: "Answered", answer: { ...summary(name, backends), backends } };
}

/** A headless Service translates nothing: its name is just that of its pods. */
function targetOf(
  pod: Pod,
  { headless }: Service,
  wanted: ServicePort | undefined,
  asked: number | string,
): number | undefined {
  if (headless && typeof asked === "number") return asked;
  const target = wanted?.target;
  if (typeof target !== "string") return target;
  return pod.ports.find(({ name, protocol }) => name === target && protocol === wanted?.protocol)?.port;
}

function backendOf(
  world: World,
  source: Endpoint,
  pod: Pod,
  { protocol, port }: { readonly protocol: Protocol; readonly port: number | undefined },
): Backend {
  const name = `${pod.ref.namespace}/${pod.ref.name}`;
  if (port === undefined)
    return {
      pod: name,
      port,
      outcome: "Denied",
      by: [],
      why: `${refText(pod.ref)} has no port of the name that the Service leads to`,
    };
  return { pod: name, port, ...evaluate(world, { from: source, to: { pod }, protocol, port }) };
}

/** Any pod behind a Service may answer, so that one that is reached is enough. */
function summary(service: string, backends: readonly Backend[]): Evaluation {
  const count = (outcome: Outcome): number => backends.filter((one) => one.outcome === outcome).length;
  const outcome = (["Allowed", "Unknown", "Denied"] as const).find((one) => count(one) > 0) ?? "Denied";
  const first = backends.find((one) => one.outcome === outcome);
  if (first === undefined) return { outcome, by: [], why: `no pod stands behind ${service}` };
  const share = `${count(outcome)} of ${backends.length} pods behind ${service}`;
  return {
    outcome,
    by: first.by,
    why: backends.length === 1 ? first.why : `${share}, such as ${first.pod}: ${first.why}`,
  };
}

function unbracketed(text: string): string {
  return /^\[(.*)\]$/.exec(text)?.[1] ?? text;
}
