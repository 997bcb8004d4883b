import { RE2JS } from "re2js";

/** A regular expression in RE2's syntax: it takes time in proportion to the text, whatever somebody wrote. */
export interface Pattern {
  readonly text: string;
  /** How many instructions it has: searching takes time in proportion to it. */
  readonly size: number;
  /** Whether the whole text matches. */
  readonly matchesWhole: (text: string) => boolean;
  /** Whether a part of the text matches. */
  readonly find: (text: string) => boolean;
}

export type CompiledPattern =
  { readonly ok: true; readonly pattern: Pattern } | { readonly ok: false; readonly problem: string };

const maxLength = 512;
/** Instructions. A few characters such as a{1000} stand for many of them, and each may be tried at each character. */
const maxProgram = 2_000;

export function compilePattern(text: string): CompiledPattern {
  if (text.length > maxLength)
    return { ok: false, problem: `a regular expression of more than ${maxLength} characters` };
  try {
    const compiled = RE2JS.compile(text);
    const size = compiled.programSize();
    if (size > maxProgram) return { ok: false, problem: "a regular expression that is too large: repeat less in it" };
    return {
      ok: true,
      pattern: {
        text,
        size,
        matchesWhole: (subject) => compiled.matches(subject),
        find: (subject) => compiled.matcher(subject).find(),
      },
    };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ok: false, problem: `not a regular expression in RE2's syntax: ${why.slice(0, 256)}` };
  }
}
