import { KubeError } from "./kube-error.ts";

/** @throws KubeError `Unavailable` with reason `MalformedJson`: whoever sent that is not a working API server. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new KubeError("Unavailable", "the answer is not JSON", { reason: "MalformedJson", cause: error });
  }
}
