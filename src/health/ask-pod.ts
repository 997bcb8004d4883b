import { type Sender, ask, parseJson } from "./asking.ts";
import { type Look, errorLook } from "./look.ts";

export interface PodTarget {
  /** Of the pod. */
  readonly address: string;
  readonly port: number;
}

/** A request to a pod. */
export interface PodRequest {
  readonly path: string;
  readonly method: "GET" | "POST";
  /** JSON. */
  readonly body?: string | undefined;
  readonly deadlineMs: number;
}

export interface PodAnswer {
  readonly status: number;
  /** Undefined where it is no JSON. */
  readonly body: unknown;
  readonly tookMs: number;
}

export interface AskContext {
  readonly signal: AbortSignal;
  readonly monotonic: () => number;
}

const maxBytes = 1024 * 1024;

/**
 * What a pod answers; a look where it does not.
 * @throws EgressError `Aborted` when the signal ends it.
 */
export async function askPod(
  sender: Sender,
  { address, port }: PodTarget,
  { path, method, body, deadlineMs }: PodRequest,
  { signal, monotonic }: AskContext,
): Promise<{ readonly answer: PodAnswer } | { readonly look: Look }> {
  const began = monotonic();
  const host = address.includes(":") ? `[${address}]` : address;
  const asked = await ask(sender, {
    method,
    url: `http://${host}:${port}${path}`,
    headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body }),
    maxBytes,
    deadlineMs,
    signal,
  });
  if ("look" in asked) return asked;
  const { status, body: bytes } = asked.answer;
  return { answer: { status, body: parseJson(bytes), tookMs: monotonic() - began } };
}

/** The pod to ask: another one at each look. */
export function pickTarget(addresses: readonly string[], turn: number): string | undefined {
  return addresses.length === 0 ? undefined : addresses.toSorted()[turn % addresses.length];
}

export const noPod: Look = errorLook("NoTarget", "no pod of the revision is ready");
