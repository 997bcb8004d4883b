import type { Egress, EgressResponse } from "../../egress/index.ts";
import { fromEgress, isRegistryError, RegistryError, type RegistryErrorCode } from "../registry-error.ts";
import { parseRetryAfter } from "../registry-retry.ts";
import type { CloudEndpoints } from "./endpoints.ts";

export interface CloudContext {
  readonly egress: Egress;
  readonly endpoints: CloudEndpoints;
  readonly now: () => Date;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** For Google, where the ServiceAccount names none. */
  readonly googleProvider: string | undefined;
}

/** One request on the way from a ServiceAccount's token to a registry's login. It is a POST, so no redirect is followed. */
export interface CloudStep {
  /** As the cloud's documentation calls it. */
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What to look at when it is refused; it goes on after "check". */
  readonly check: string;
  /** The error's code in the answer. */
  readonly codeOf: (body: string) => string | undefined;
}

const maxAnswerBytes = 256 * 1024;
const throttled = /throttl|TooManyRequests|RESOURCE_EXHAUSTED|RequestLimitExceeded/i;
const passing = /IDPCommunicationError|ServiceUnavailable|InternalFailure|ServerException|temporarily_unavailable/i;
/** What clouds allow clocks to differ, about. */
const maxSkewMs = 300_000;

/** Sends the step and returns the body of a good answer. No message repeats anything of a token or of an answer but its code. */
export async function takeStep(context: CloudContext, step: CloudStep): Promise<string> {
  const response = await send(context, step);
  if (response.status === 200) return response.body.toString("utf8");
  const told = step.codeOf(response.body.toString("utf8"));
  // It is somebody else's text: a word of it at most.
  const code = told !== undefined && /^[A-Za-z0-9_.-]{1,64}$/.test(told) ? told : undefined;
  const skew = skewOf(response, context.now());
  const kind = skew === undefined ? kindOf(response.status, code) : "Unavailable";
  const answered = `${response.url.host} answered ${code === undefined ? "" : `${code} `}(HTTP ${response.status})`;
  const advice = kind === "Unauthorized" ? `; check ${step.check}` : "";
  throw new RegistryError(kind, `${step.name}: ${answered}${skew ?? advice}`, {
    retryAfterMs: parseRetryAfter(response.headers.get("retry-after"), context.now()),
  });
}

/** An answer that is good but says not what it should. */
export function unreadable(step: Pick<CloudStep, "name" | "url">, what: string): RegistryError {
  return new RegistryError("Unavailable", `${step.name}: ${new URL(step.url).host} answered without ${what}`);
}

/** A time that an answer names; one that is over counts for nothing. */
export function notOver(expiresAt: Date, { now }: Pick<CloudContext, "now">, step: Pick<CloudStep, "name">): Date {
  if (expiresAt.getTime() > now().getTime()) return expiresAt;
  throw new RegistryError(
    "Unavailable",
    `${step.name}: what was given had run out already; check that the clock of the operator's node is right`,
  );
}

export function form(fields: Readonly<Record<string, string>>): Pick<CloudStep, "headers" | "body"> {
  return {
    headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
    body: new URLSearchParams(fields).toString(),
  };
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function send(context: CloudContext, { name, url, headers, body }: CloudStep): Promise<EgressResponse<Buffer>> {
  try {
    return await context.egress.request({
      method: "POST",
      url,
      headers,
      body,
      maxBytes: maxAnswerBytes,
      signal: context.signal,
      deadlineMs: context.timeoutMs,
    });
  } catch (error) {
    const known = fromEgress(error);
    if (!isRegistryError(known)) throw known;
    // It says nothing about the artifact: nothing of this is a rejection.
    const code = known.code === "Aborted" || known.code === "Timeout" ? known.code : "Unavailable";
    throw new RegistryError(code, `${name}: ${known.message}`, { cause: known });
  }
}

function kindOf(status: number, code = ""): RegistryErrorCode {
  if (status === 429 || throttled.test(code)) return "RateLimited";
  if (passing.test(code)) return "Unavailable";
  return [400, 401, 403, 404].includes(status) ? "Unauthorized" : "Unavailable";
}

/** What is wrong with a clock, where that is likely why something is refused. */
function skewOf({ headers }: EgressResponse<Buffer>, now: Date): string | undefined {
  const skewMs = now.getTime() - Date.parse(headers.get("date") ?? "");
  if (Number.isNaN(skewMs) || Math.abs(skewMs) <= maxSkewMs) return undefined;
  return `; its clock and the operator's differ by ${Math.round(Math.abs(skewMs) / 60_000)} min: correct the node's`;
}
