import type { ResolvedAuthority } from "./authorities.ts";
import type { ResolvedPolicy } from "./policies.ts";

/** How near the end of what a policy's trust rests on is. */
export interface TrustFreshness {
  readonly state: "Fresh" | "ExpiresSoon" | "Expired";
  /** Of what ends first, with when; absent where nothing ends. */
  readonly first?: { readonly what: string; readonly at: Date } | undefined;
  readonly message: string;
  /** When to look again. */
  readonly nextMs?: number | undefined;
}

const dayMs = 24 * 3_600_000;
/** So long before the end of a certificate people are told: new ones take time to get. */
const certificateNoticeMs = 30 * dayMs;
/** Revocation lists come daily or weekly. */
const listNoticeMs = dayMs;
const maxWaitMs = 7 * dayMs;

interface End {
  readonly what: string;
  readonly at: Date;
  readonly noticeMs: number;
}

/** What of a policy's certificates and lists ends next. Keys have no end. */
export function trustFreshness(policy: ResolvedPolicy, now: Date): TrustFreshness {
  const ends = endsOf(policy).sort((a, b) => a.at.getTime() - b.at.getTime());
  const [first] = ends;
  if (first === undefined) return { state: "Fresh", message: "nothing that this policy rests on has an end" };
  const due = (noticeMs: (end: End) => number): readonly End[] =>
    ends.filter((end) => end.at.getTime() - noticeMs(end) <= now.getTime());
  const expired = due(() => 0);
  const soon = due(({ noticeMs }) => noticeMs);
  const turns = ends
    .flatMap(({ at, noticeMs }) => [at.getTime() - noticeMs, at.getTime()])
    .filter((time) => time > now.getTime());
  const common = { first, nextMs: Math.min(maxWaitMs, ...turns.map((time) => time - now.getTime())) };
  const list = (named: readonly End[]): string =>
    named.map(({ what, at }) => `${what} (${at.toISOString()})`).join(", ");
  if (expired.length > 0) {
    return {
      ...common,
      state: "Expired",
      message: `ended: ${list(expired)}; nothing new can be verified by it, give its successor`,
    };
  }
  if (soon.length > 0)
    return { ...common, state: "ExpiresSoon", message: `ends soon: ${list(soon)}; give its successor beside it now` };
  return { ...common, state: "Fresh", message: `the first to end is ${list([first])}` };
}

/** When the first certificate or list of one authority ends. */
export function expiryOf(authority: ResolvedAuthority): Date | undefined {
  const times = endsOfAuthority(authority).map(({ at }) => at.getTime());
  return times.length === 0 ? undefined : new Date(Math.min(...times));
}

function endsOf(policy: ResolvedPolicy): End[] {
  const { timestamps } = policy;
  return [
    ...policy.authorities.flatMap(endsOfAuthority),
    ...(timestamps === undefined
      ? []
      : [{ what: "the timestamp authorities", at: timestamps.expiresAt, noticeMs: certificateNoticeMs }]),
  ];
}

function endsOfAuthority(authority: ResolvedAuthority): readonly End[] {
  const { name, root } = authority;
  if (root === undefined) return [];
  const { revocations } = authority;
  return [
    { what: `the certificates of authority ${name}`, at: root.expiresAt, noticeMs: certificateNoticeMs },
    ...(revocations === undefined
      ? []
      : [{ what: `the revocation list of authority ${name}`, at: revocations.nextUpdate, noticeMs: listNoticeMs }]),
  ];
}
