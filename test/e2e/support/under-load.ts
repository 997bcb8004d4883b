import { K8s, kind } from "kubernetes-fluent-client";
import { type Count, Load } from "./load.ts";
import { eventually } from "./wait.ts";

export interface Counts {
  /** Of connections that are kept, and of a new one for each request. */
  readonly kept: Count;
  readonly fresh: Count;
}

export interface UnderLoad {
  readonly namespace: string;
  /** A request for model iris, and what its right answer holds. */
  readonly body: string;
  readonly expected: string;
}

/** Asks model iris while something is done, until the last pod that was left is gone, drained. Says what came of it. */
export async function underLoad(
  what: string,
  { namespace, body, expected }: UnderLoad,
  change: () => Promise<unknown>,
): Promise<Counts> {
  const load = await Load.start(namespace, { model: "iris", body, expected });
  let counts: Counts;
  try {
    await change();
    await isQuiet(namespace);
  } finally {
    counts = await load.stop();
  }
  for (const [connections, { answered, wrong, failed, reasons }] of Object.entries<Count>({ ...counts }))
    console.log(
      `      ${what}, connections ${connections}: ${answered} answered, ${wrong} of them wrong, ${failed} failed ${JSON.stringify(reasons)}`,
    );
  return counts;
}

function isQuiet(namespace: string): Promise<unknown> {
  return eventually(
    "no pod is on its way out",
    async () => {
      const pods = (await K8s(kind.Pod).InNamespace(namespace).Get()).items;
      return pods.filter(({ metadata }) => metadata?.deletionTimestamp !== undefined).length;
    },
    (ending) => ending === 0,
    60_000,
  );
}
