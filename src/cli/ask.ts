/**
 * The one place where answers of kubernetes-fluent-client are told apart. It throws its response, which is no Error, for
 * whatever is not a success, and gives a connection that was never made the status 400.
 */
import { z } from "zod";

/** Absent is an answer: the API server says that there is no such thing. Unknown is none. */
export type Answer<T> =
  | { readonly state: "known"; readonly value: T }
  | { readonly state: "absent" }
  | { readonly state: "unknown"; readonly reason: string };

export function known<T>(value: T): Answer<T> {
  return { state: "known", value };
}

const FailedResponse = z.object({
  status: z.number(),
  statusText: z.string(),
  data: z.unknown().optional(),
  // Only there if no usable answer came.
  e: z.unknown().optional(),
});
const Status = z.object({ message: z.string() });

const limitMs = 15_000;

/** Never throws. What does not answer within a quarter of a minute is unknown: the client has no limit of its own. */
export async function ask<T>(request: () => Promise<T>): Promise<Answer<T>> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<Answer<T>>((resolve) => {
    timer = setTimeout(() => resolve({ state: "unknown", reason: `no answer within ${limitMs / 1000} s` }), limitMs);
  });
  try {
    return await Promise.race([request().then(known), limit]);
  } catch (error) {
    return failure(error);
  } finally {
    clearTimeout(timer);
  }
}

export function failure(error: unknown): Answer<never> {
  if (error instanceof Error) return { state: "unknown", reason: reasonOf(error) };
  const response = FailedResponse.safeParse(error);
  if (!response.success) return { state: "unknown", reason: "the client failed without saying why" };
  const { status, statusText, data, e: cause } = response.data;
  if (cause !== undefined) return { state: "unknown", reason: reasonOf(cause) };
  if (status === 404) return { state: "absent" };
  const details = Status.safeParse(data);
  const message = details.success ? details.data.message : statusText;
  return { state: "unknown", reason: `${status} ${message}` };
}

/** The innermost cause: the outer ones only say that fetching failed. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof z.ZodError) return "the answer is not of the shape that Kubernetes documents";
  if (error.cause !== undefined) return reasonOf(error.cause);
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error.message === "" ? error.name : error.message;
}
