import type { CompiledPattern, Pattern } from "./regular-expression.ts";
import { compilePattern } from "./regular-expression.ts";

/** Whom a certificate names. A certificate with no name, or with more than one, names nobody. */
export interface Identity {
  readonly subject?: string | undefined;
  /** Who vouched for the subject (an OIDC issuer); certificates of one's own authority have none. */
  readonly issuer?: string | undefined;
}

export interface IdentityPattern {
  readonly subject: TextPattern;
  /** Absent: whoever the issuer is. */
  readonly issuer?: TextPattern | undefined;
}

type TextPattern = { readonly exact: string } | { readonly pattern: Pattern };

/** As people write it: exactly one of each pair. */
export interface IdentitySource {
  readonly issuer?: string | undefined;
  readonly issuerRegExp?: string | undefined;
  readonly subject?: string | undefined;
  readonly subjectRegExp?: string | undefined;
}

export function compileIdentity(
  source: IdentitySource,
): { readonly ok: true; readonly pattern: IdentityPattern } | { readonly ok: false; readonly problem: string } {
  const subject = textPattern(source.subject, source.subjectRegExp);
  if (subject === undefined) return { ok: false, problem: "an identity needs a subject or a subjectRegExp" };
  if (!subject.ok) return { ok: false, problem: `subjectRegExp is ${subject.problem}` };
  const issuer = textPattern(source.issuer, source.issuerRegExp);
  if (issuer?.ok === false) return { ok: false, problem: `issuerRegExp is ${issuer.problem}` };
  return {
    ok: true,
    pattern: { subject: subject.pattern, ...(issuer === undefined ? {} : { issuer: issuer.pattern }) },
  };
}

export function matchesIdentity(pattern: IdentityPattern, { subject, issuer }: Identity): boolean {
  return matches(pattern.subject, subject) && (pattern.issuer === undefined || matches(pattern.issuer, issuer));
}

/** For fingerprints: no two patterns that match different names give the same. */
export function identityMaterial({ subject, issuer }: IdentityPattern): unknown {
  const parts = (pattern: TextPattern | undefined): unknown =>
    pattern === undefined ? null : "exact" in pattern ? { exact: pattern.exact } : { regExp: pattern.pattern.text };
  return [parts(subject), parts(issuer)];
}

/** For people. */
export function describeIdentity({ subject, issuer }: IdentityPattern): string {
  const text = (pattern: TextPattern): string => ("exact" in pattern ? pattern.exact : `/${pattern.pattern.text}/`);
  return issuer === undefined ? text(subject) : `${text(subject)} by ${text(issuer)}`;
}

function matches(pattern: TextPattern, text: string | undefined): boolean {
  if (text === undefined) return false;
  return "exact" in pattern ? pattern.exact === text : pattern.pattern.matchesWhole(text);
}

function textPattern(
  exact: string | undefined,
  regExp: string | undefined,
): { readonly ok: true; readonly pattern: TextPattern } | Extract<CompiledPattern, { ok: false }> | undefined {
  if (exact !== undefined) return { ok: true, pattern: { exact } };
  if (regExp === undefined) return undefined;
  const compiled = compilePattern(regExp);
  return compiled.ok ? { ok: true, pattern: { pattern: compiled.pattern } } : compiled;
}
