import type { ImportFailure } from "../plan.ts";

const passing: readonly ImportFailure[] = ["SourceUnavailable", "SourceMoved", "RegistryUnavailable"];

/** Why nothing was imported. The message says what to change and holds no secret. */
export class ImportError extends Error {
  override readonly name = "ImportError";
  readonly reason: ImportFailure;

  constructor(reason: ImportFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }

  /** Trying again may help. */
  get isPassing(): boolean {
    return passing.includes(this.reason);
  }
}
