import { type ModelOptions, model } from "./objects.ts";

export interface GoldenOptions extends Pick<ModelOptions, "runtime" | "container" | "managed" | "spec"> {
  /** Of an inference request. */
  readonly body: string;
}

/** What the right answer to the demo's sample request holds. */
export const rightAnswer = '"data": [0, 1, 2]';

/** A version of model iris, two pods of it, that is asked the same every 5 s, and is left after two wrong answers. */
export function goldenModel(namespace: string, reference: string, options: GoldenOptions): object {
  const { body, spec, ...others } = options;
  const golden = {
    name: "golden",
    probe: {
      path: "/v2/models/iris/infer",
      method: "POST",
      body,
      json: [{ path: "outputs[0].data", numbers: [0, 1, 2] }],
    },
    window: { looks: 2, failures: 2 },
  };
  return model(namespace, "iris", reference, {
    ...others,
    pod: { terminationGracePeriodSeconds: 10 },
    spec: {
      replicas: 2,
      health: { interval: "5s", warmUp: "1s", signals: [golden] },
      rollback: { coolDown: "1s", maxPerDay: 5 },
      ...spec,
    },
  });
}
