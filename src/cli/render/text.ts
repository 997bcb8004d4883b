/** Characters that move the cursor, hide what was printed, or turn the direction of writing: names may hold them. */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text of others as it may be shown on a terminal: one line, nothing that acts. */
export function plain(text: string): string {
  return text.replace(control, " ");
}

/** "in 23 h", "3 min ago". */
export function relative(time: Date, now: Date, format: (ms: number) => string): string {
  const ms = time.getTime() - now.getTime();
  return ms >= 0 ? `in ${format(ms)}` : `${format(-ms)} ago`;
}
