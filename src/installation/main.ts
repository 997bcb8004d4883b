// What `helm test` runs: says whether what is installed can do its work. It changes nothing.
import { KubeConfig } from "@kubernetes/client-node";
import { ObjectClient, createTransport, systemClock } from "../kube/index.ts";
import { LEASE_NAME } from "../operator/connection.ts";
import { decide, exitStatus, render } from "./decide.ts";
import { type Asked, gather } from "./gather.ts";
import { readOptions } from "./options.ts";

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());

let asked: Asked;
try {
  asked = readOptions(process.argv.slice(2), LEASE_NAME);
} catch (error) {
  process.stderr.write(`installation-check: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(2);
}
const kubeConfig = new KubeConfig();
kubeConfig.loadFromDefault();
const transport = createTransport({ kubeConfig, userAgent: "mlsecops-installation-check" });
const client = new ObjectClient({ transport, signal: stop.signal });
const checks = decide(await gather(asked, { client, clock: systemClock, signal: stop.signal }));
// Connections that are kept open must not hold up whoever waits for the answer.
process.stdout.write(render(checks), () => process.exit(exitStatus(checks)));
