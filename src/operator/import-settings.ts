import type { ImportSettings } from "../importing/index.ts";
import type { Options } from "./options.ts";

/** What imports are made with: the same as the operator itself. */
export function importSettings(options: Options): ImportSettings | undefined {
  if (options.importImage === undefined) return undefined;
  return {
    image: options.importImage,
    caBundle: options.registryCa,
    plainHttpHosts: options.plainHttpRegistries,
    deniedAddresses: options.deniedAddresses,
    maxBytes: options.maxArtifactBytes,
    architecture: process.arch === "x64" ? "amd64" : process.arch,
  };
}
