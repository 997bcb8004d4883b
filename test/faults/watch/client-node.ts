import { CoreV1Api, makeInformer, type V1ConfigMap } from "@kubernetes/client-node";
import { believed, type Believed, type Contestant } from "./contestant.ts";

/** Its documentation says to start again after an error, and 5 s later. This is sooner. */
const restartMs = 200;

/** The informer of `@kubernetes/client-node`, started again after each error. It has no other options. */
export const clientNode: Contestant = {
  name: "@kubernetes/client-node",
  watch(kubeConfig, namespace) {
    const api = kubeConfig.makeApiClient(CoreV1Api);
    const list = () => api.listNamespacedConfigMap({ namespace });
    const informer = makeInformer(kubeConfig, `/api/v1/namespaces/${namespace}/configmaps`, list);
    const told = new Map<string, Believed>();
    let isStopped = false;
    const note = (object: V1ConfigMap) => {
      const one = believed(object);
      told.set(one.name, one);
    };
    informer.on("add", note);
    informer.on("update", note);
    informer.on("delete", (object: V1ConfigMap) => void told.delete(believed(object).name));
    const start = () => {
      if (!isStopped) informer.start().catch(again);
    };
    const again = () => void setTimeout(start, restartMs);
    informer.on("error", again);
    start();
    return {
      believes: () => [...told.values()],
      contradictions: () => [],
      stop: () => {
        isStopped = true;
        void informer.stop();
      },
    };
  },
};
