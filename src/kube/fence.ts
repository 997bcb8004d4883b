import { KubeError } from "./kube-error.ts";

/** Permission to write, which can be lost at any moment. */
export interface Fence {
  /** Throws a {@link KubeError} `Fenced` unless the permission is held now. Cheap: call it right before each write. */
  assertHeld(): void;
  /** Aborts when the permission is lost. While it is not held this is an already aborted signal. */
  readonly signal: AbortSignal;
}

export function fencedError(detail: string): KubeError {
  return new KubeError("Fenced", `write refused: ${detail}`, { reason: "LeaseNotHeld" });
}
