/** The command line is wrong. `usage` is shown with it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly usage: string;

  constructor(message: string, usage: string) {
    super(message);
    this.usage = usage;
  }
}

/** Something that the command line names cannot be used. The message says what to change; the help would not. */
export class InputError extends Error {
  override readonly name = "InputError";
}
