const imfFixdate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** How long to stay away, by a Retry-After header (RFC 9110 section 10.2.3): seconds or a date. In milliseconds. */
export function parseRetryAfter(text: string | undefined, now: Date): number | undefined {
  const value = text?.trim() ?? "";
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  if (!imfFixdate.test(value)) return undefined;
  const wait = Date.parse(value) - now.getTime();
  // A time that has passed, or that is none, asks for nothing.
  return wait > 0 ? wait : undefined;
}
