import { K8s, kind } from "kubernetes-fluent-client";
import { believed, type Believed, type Contestant } from "./contestant.ts";

/**
 * The Watcher of `kubernetes-fluent-client`, which lists again after each end of a watch. Its limits are shorter than by
 * default, as ours are: without a word for 1.2 s (600 s) it begins anew, it looks each 0.25 to 1.25 s (5 to 6 s), and lists
 * besides each 30 s (600 s). It reads the kubeconfig that the environment names.
 */
export const fluentClient: Contestant = {
  name: "kubernetes-fluent-client",
  watch(_kubeConfig, namespace) {
    // It knows objects by their uid.
    const told = new Map<string, Believed>();
    const watcher = K8s(kind.ConfigMap)
      .InNamespace(namespace)
      .Watch(
        (object, phase) => {
          const one = believed(object);
          const what: string = phase;
          if (what === "DELETED") told.delete(one.uid);
          else if (what === "ADDED" || what === "MODIFIED") told.set(one.uid, one);
        },
        { lastSeenLimitSeconds: 1.2, resyncDelaySec: 0.25, relistIntervalSec: 30 },
      );
    void watcher.start();
    return { believes: () => [...told.values()], contradictions: () => [], stop: () => watcher.close() };
  },
};
