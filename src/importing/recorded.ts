import { recordedAs } from "./plan.ts";

/** The manifest of an imported artifact, as it was read back from the registry. */
export type Recorded =
  | { readonly state: "Read"; readonly annotations: Readonly<Record<string, string>> }
  /** `why`: for people. */
  | { readonly state: "NotRead"; readonly why: string };

export interface AskedFor {
  readonly from: string;
  /** What the Job says that the files are. */
  readonly files: string;
  /** What the source says that they have to be. */
  readonly pin: string | undefined;
}

/** Why an artifact is not what the source asks for; undefined where it is. Pure. */
export function mismatchOf(annotations: Readonly<Record<string, string>>, asked: AskedFor): string | undefined {
  const [from, files] = [annotations[recordedAs.source], annotations[recordedAs.files]];
  if (from !== asked.from) return `its manifest records ${shown(from)} as where it came from`;
  if (files !== asked.files)
    return `its manifest records the files ${shown(files)}, and the import said ${asked.files}`;
  if (asked.pin !== undefined && files !== asked.pin)
    return `its manifest records the files ${shown(files)}, and the source is pinned to ${asked.pin}`;
  return undefined;
}

/** Whoever may push writes it, and people read it. */
function shown(text: string | undefined): string {
  return text === undefined ? "nothing" : text.replace(/[^\x20-\x7e]/g, "?").slice(0, 256);
}
