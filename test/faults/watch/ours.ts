import { Informer, ObjectClient, createLogger, createTransport, systemClock } from "../../../src/kube/index.ts";
import { relistBackoff } from "../../../src/operator/informers.ts";
import { believed, type Believed, type Contestant } from "./contestant.ts";

const configMaps = { group: "", version: "v1", kind: "ConfigMap", plural: "configmaps", namespaced: true };

/**
 * The informer as the operator makes it. Only the times after which a connection counts as dead, or as healthy, are shorter (the
 * server's timeout 1 s for 20 to 30 s, inactivity 1.2 s for 35 s, an attempt 1 s for 15 s, healthy after 0.25 s for 5 s):
 * otherwise each schedule took a minute. Pages are small, so that lists have some.
 */
export const ours: Contestant = {
  name: "mlsecops-operator",
  watch(kubeConfig, namespace) {
    const stop = new AbortController();
    const transport = createTransport({ kubeConfig, attemptTimeoutMs: 1_000 });
    const informer = new Informer({
      client: new ObjectClient({ transport }),
      type: configMaps,
      namespace,
      clock: systemClock,
      log: createLogger({ level: "silent" }),
      backoff: relistBackoff,
      watchTimeoutMs: 700,
      inactivityMs: 1_200,
      healthyMs: 250,
      pageSize: 3,
    });
    const told = new Map<string, Believed>();
    const contradictions: string[] = [];
    informer.onChange(({ type, object }) => {
      const one = believed(object);
      const known = told.get(one.name);
      if ((type === "added") !== (known === undefined)) contradictions.push(`${type} ${one.name}`);
      if (type === "deleted") told.delete(one.name);
      else told.set(one.name, one);
    });
    informer.start(stop.signal);
    return {
      believes: () => [...told.values()],
      contradictions: () => {
        const stored = informer.store.list().map((object) => JSON.stringify(believed(object)));
        const heard = [...told.values()].map((one) => JSON.stringify(one));
        const isSame = stored.sort().join() === heard.sort().join();
        return isSame ? contradictions : [...contradictions, "the store holds something else than was told"];
      },
      stop: () => {
        stop.abort();
        transport.close();
      },
    };
  },
};
