/** The place of a kept record. */
export interface Entry {
  readonly chain: string;
  readonly sequence: number;
  /** Of its bytes, where the store's names hold it. */
  readonly digest?: string;
}

export interface NewRecord extends Entry {
  readonly digest: string;
  readonly bytes: Buffer;
  /** What it is about, where that is an artifact: public tools find the record by it. */
  readonly artifact?: string | undefined;
}

/** Taken: another record has the place. What was appended before a crash, or by this call's first attempt, is Kept. */
export type Appended = "Kept" | "Taken";

export type StoreErrorCode = "Unavailable" | "Refused" | "Malformed";

/** A store that does not answer, does not let us, or holds something that is no evidence. The message says what to change. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/**
 * Where records are kept. It appends and never changes; it decides nothing. Every method rejects with a StoreError, or
 * with the signal's reason.
 */
export interface EvidenceStore {
  /** All places, by chain and sequence. Two entries of one place are a fork. */
  list(signal: AbortSignal): Promise<readonly Entry[]>;
  /** The bytes as they are: whether they are what the entry says is the reader's to compare. */
  read(entry: Entry, signal: AbortSignal): Promise<Buffer>;
  append(record: NewRecord, signal: AbortSignal): Promise<Appended>;
}

export function compareEntries(a: Entry, b: Entry): number {
  if (a.chain !== b.chain) return a.chain < b.chain ? -1 : 1;
  if (a.sequence !== b.sequence) return a.sequence - b.sequence;
  return (a.digest ?? "") < (b.digest ?? "") ? -1 : 1;
}

/** So wide that names sort as numbers do. */
export function paddedSequence(sequence: number): string {
  return String(sequence).padStart(10, "0");
}
