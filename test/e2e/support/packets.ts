import { execa } from "execa";
import { readFile, readdir } from "node:fs/promises";
import { json } from "./kubectl.ts";
import { eventually } from "./wait.ts";

/** Where a packet is sent to. */
export interface Target {
  readonly address: string;
  readonly port: number;
  readonly protocol: "TCP" | "UDP";
}

/** Reached: somebody answered, if only to refuse. Dropped: nobody did in time. */
export type Reached = "Reached" | "Dropped";

/** Shorter than a person's patience, and much longer than an answer on one node takes. */
const patienceMs = 1_500;

/**
 * Sends packets from inside a pod's network, as the pod itself would: its own programs are not asked, so it works for pods
 * that nobody can exec into.
 */
export async function send(namespace: string, pod: string, targets: readonly Target[]): Promise<readonly Reached[]> {
  const pid = await processOf(namespace, pod);
  const { stdout } = await execa("nsenter", ["-t", String(pid), "-n", process.execPath, "-e", sender], {
    input: JSON.stringify({ targets, patienceMs }),
  });
  return JSON.parse(stdout) as Reached[];
}

/** Sends until every answer is the expected one: a policy takes a moment from the API server to the node. */
export function sendUntil(
  from: readonly [namespace: string, pod: string],
  targets: readonly Target[],
  expected: readonly Reached[],
): Promise<readonly Reached[]> {
  return eventually(
    `packets from ${from.join("/")} to ${JSON.stringify(targets)} are ${expected.join(", ")}`,
    () => send(...from, targets),
    (seen) => seen.every((reached, at) => reached === expected[at]),
    20_000,
  );
}

/** Any process of the pod; by its cgroup, whose path holds the pod's uid with either driver. */
async function processOf(namespace: string, pod: string): Promise<number> {
  const { metadata } = (await json("-n", namespace, "get", "pod", pod)) as { metadata: { uid: string } };
  const marks = [`pod${metadata.uid}`, `pod${metadata.uid.replaceAll("-", "_")}`];
  for (const entry of await readdir("/proc")) {
    if (!/^[0-9]+$/.test(entry)) continue;
    // A process can end between the two reads.
    const cgroup = await readFile(`/proc/${entry}/cgroup`, "utf8").catch(() => "");
    if (marks.some((mark) => cgroup.includes(mark))) return Number(entry);
  }
  throw new Error(`no process of pod ${namespace}/${pod} is on this machine`);
}

/** Runs as a process of its own in the pod's network, so it is text and needs nothing but Node. */
const sender = `
const net = require("node:net"), dgram = require("node:dgram");
const { targets, patienceMs } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const tcp = ({ address, port }) => new Promise((done) => {
  const socket = net.connect({ host: address, port });
  const end = (what) => { clearTimeout(timer); socket.destroy(); done(what); };
  const timer = setTimeout(end, patienceMs, "Dropped");
  socket.on("connect", () => end("Reached"));
  // Refused by the other side: the packet got there.
  socket.on("error", ({ code }) => end(code === "ECONNREFUSED" || code === "ECONNRESET" ? "Reached" : "Dropped"));
});
const udp = ({ address, port }) => new Promise((done) => {
  const socket = dgram.createSocket(net.isIPv6(address) ? "udp6" : "udp4");
  const end = (what) => { clearTimeout(timer); clearInterval(again); socket.close(); done(what); };
  const timer = setTimeout(end, patienceMs, "Dropped");
  const ask = () => socket.send("ping", port, address, () => undefined);
  const again = setInterval(ask, patienceMs / 4);
  socket.on("message", () => end("Reached"));
  socket.on("error", () => end("Dropped"));
  ask();
});
Promise.all(targets.map((target) => (target.protocol === "UDP" ? udp : tcp)(target)))
  .then((reached) => console.log(JSON.stringify(reached)));
`;

/** What a pod runs that answers on all of these ports, TCP and UDP alike; for an image with Python. */
export function answering(ports: readonly number[], python = "python3"): readonly string[] {
  const program = `
import selectors, socket, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
selector = selectors.DefaultSelector()
for port in ${JSON.stringify(ports)}:
    tcp = socket.create_server(("0.0.0.0", port))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("0.0.0.0", port))
    selector.register(tcp, selectors.EVENT_READ, "tcp")
    selector.register(udp, selectors.EVENT_READ, "udp")
while True:
    for key, _ in selector.select():
        if key.data == "tcp":
            key.fileobj.accept()[0].close()
        else:
            data, peer = key.fileobj.recvfrom(64)
            key.fileobj.sendto(data, peer)
`;
  return [python, "-c", program];
}
