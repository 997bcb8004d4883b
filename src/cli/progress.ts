import type { Output } from "./io.ts";

export interface Progress {
  /** One more is done. */
  readonly step: () => void;
  readonly stop: () => void;
}

const quietMs = 2_000;
const terminalMs = 500;
/** A log is not filled with it. */
const otherwiseMs = 10_000;

/** Says on stderr how far something is, once it takes longer than two seconds. */
export function startProgress({ err, terminal }: Output, what: string, total: number): Progress {
  const isTerminal = terminal?.err === true;
  const begun = Date.now();
  let done = 0;
  let shown = false;
  const show = () => {
    if (Date.now() - begun < quietMs) return;
    const text = `${what}: ${done} of ${total}`;
    err(isTerminal ? `\r${text}` : `${text}\n`);
    shown = true;
  };
  // The first at two seconds, the others in their own time.
  const first = setTimeout(show, quietMs);
  const timer = setInterval(show, isTerminal ? terminalMs : otherwiseMs);
  first.unref();
  timer.unref();
  return {
    step: () => {
      done++;
    },
    stop: () => {
      clearTimeout(first);
      clearInterval(timer);
      if (shown && isTerminal) err("\n");
    },
  };
}
