export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Page size, not a limit of the result. Default 500. */
  readonly limit?: number;
}

export interface CreateOptions {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
}

export interface ApplyOptions {
  readonly fieldManager: string;
  /** Take over fields that another manager owns. Default true: a controller repairs what it owns. */
  readonly force?: boolean;
  readonly subresource?: "status";
  readonly dryRun?: boolean;
}

export interface ReplaceOptions extends CreateOptions {
  readonly subresource?: string;
}

export interface PatchOptions extends CreateOptions {
  readonly subresource?: string;
}

export interface RemoveOptions {
  /** Preconditions: another object of that name, or another version of it, is left alone (`Conflict`). */
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagationPolicy?: "Foreground" | "Background" | "Orphan";
  readonly gracePeriodSeconds?: number;
  readonly dryRun?: boolean;
}

export interface LogOptions {
  readonly container?: string;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  /** Of the container's previous run. */
  readonly previous?: boolean;
}
