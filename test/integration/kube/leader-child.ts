/**
 * A process for the test of leader election: leads when it can, and writes a ConfigMap as fast as it can while it may.
 * Arguments: namespace, name of the Lease and of the ConfigMap, identity. Tells what happens in lines of JSON.
 */
import { isKubeError, LeaderElector, ObjectClient, systemClock, type ObjectMeta } from "../../../src/kube/index.ts";
import { leaderTimings } from "./leader-timings.ts";
import { configMaps, connect, silentLog, type ConfigMap } from "./support.ts";

const [namespace = "", name = "", identity = ""] = process.argv.slice(2);

function tell(event: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

const client = new ObjectClient({ transport: connect() });
const elector = new LeaderElector({
  client,
  namespace,
  name,
  identity,
  clock: systemClock,
  log: silentLog(),
  ...leaderTimings,
});
const fenced = client.withFence(elector.fence);

/** Does not look at its signal: the fence alone has to stop it. */
async function writeForEver(): Promise<void> {
  const metadata: ObjectMeta = { namespace, name };
  for (let count = 1; ; count += 1) {
    const object: ConfigMap = { metadata, data: { writer: identity, count: String(count) } };
    try {
      await fenced.apply(configMaps, object, { fieldManager: "leader" });
      tell({ wrote: count });
    } catch (error) {
      tell({ refused: isKubeError(error) ? error.code : String(error) });
      if (isKubeError(error, "Fenced")) return;
    }
  }
}

await elector.run(
  {
    onStarted: () => {
      tell({ leading: true });
      void writeForEver();
    },
    onStopped: () => tell({ leading: false }),
  },
  new AbortController().signal,
);
client.transport.close();
