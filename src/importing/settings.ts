/** What the administrator has set for all imports. */
export interface ImportSettings {
  /** The image with the program, by digest: the operator's own. */
  readonly image: string;
  readonly caBundle: string | undefined;
  readonly plainHttpHosts: readonly string[];
  readonly deniedAddresses: readonly string[];
  /** Of the files of one model. */
  readonly maxBytes: number;
  /** As OCI names it, such as amd64. */
  readonly architecture: string;
}
