/** Where a command's words go. */
export interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether people read it at once. Absent: nobody does. */
  readonly terminal?: { readonly out: boolean; readonly err: boolean } | undefined;
}

/** Everything of the process that a command sees. */
export interface Io extends Output {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => Date;
}
