import { createHash } from "node:crypto";
import type { ModelSource, SecureModel, SourceStatus } from "../api/index.ts";
import type { ImportPlan, PlanSource } from "./plan.ts";
import type { ImportSettings } from "./settings.ts";

export type Imported = SourceStatus["imported"];

/** The source and all that its import depends on: another one is another import. */
export function basisOf({ s3, http, pvc, import: target, pin }: ModelSource): string {
  const { repository } = target ?? {};
  return hashOf({ s3, http, pvc, repository, pin });
}

/**
 * The name of the Job for one look. It can be the name of no ModelRevision, which ends in a hyphen and ten hexadecimal
 * digits: both are keys of one map in the grant.
 */
export function jobName(model: SecureModel, settings: ImportSettings, look: string): string {
  const { uid = "" } = model.metadata;
  // Each look has a name of its own, and whoever is killed in between finds it again.
  const hash = hashOf({ uid, look, source: model.spec.source, settings });
  return `import-${hash.slice(0, 24)}`;
}

/** Where the content comes from, in one line. It holds no secret. */
export function originOf(namespace: string, { s3, http, pvc }: ModelSource): string {
  if (s3 !== undefined) {
    const version = s3.versionId === undefined ? "" : `?versionId=${s3.versionId}`;
    return `s3+${s3.endpoint}/${s3.bucket}/${s3.key ?? s3.prefix ?? ""}${version}`.slice(0, 2048);
  }
  if (http !== undefined) return http.url;
  return `pvc://${namespace}/${pvc?.claimName ?? ""}/${pvc?.path ?? ""}`;
}

/** What the program is told; undefined where there is nothing to import. Pure. */
export function planOf(model: SecureModel, settings: ImportSettings, known: Imported): ImportPlan | undefined {
  const { source } = model.spec;
  const what = planSource(source);
  if (what === undefined || source.import === undefined) return undefined;
  const { repository, pushSecret, tokenHosts = [] } = source.import;
  const { plainHttpHosts, deniedAddresses, maxBytes, architecture } = settings;
  return {
    source: what,
    from: originOf(model.metadata.namespace ?? "", source),
    ...{ repository, tokenHosts: [...tokenHosts], login: pushSecret !== undefined },
    ...(source.pin === undefined ? {} : { pin: source.pin.digest }),
    ...(known === undefined ? {} : { known: { files: known.files, fingerprint: known.fingerprint } }),
    mode: known === undefined || source.update === "Follow" ? "Import" : "Look",
    ...{ maxBytes, architecture, plainHttpHosts: [...plainHttpHosts], deniedAddresses: [...deniedAddresses] },
  };
}

function planSource({ s3, http, pvc }: ModelSource): PlanSource | undefined {
  if (s3 !== undefined) {
    const { credentialsSecret, ...rest } = s3;
    return { kind: "s3", ...rest, secret: credentialsSecret !== undefined };
  }
  if (http !== undefined) {
    const { headersSecret, redirectHosts = [], ...rest } = http;
    return { kind: "http", ...rest, redirectHosts, secret: headersSecret !== undefined };
  }
  return pvc === undefined ? undefined : { kind: "pvc", ...(pvc.path === undefined ? {} : { path: pvc.path }) };
}

function hashOf(value: unknown): string {
  return createHash("sha256").update(canonical(value)).digest("hex");
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, child: unknown) =>
    typeof child === "object" && child !== null && !Array.isArray(child)
      ? Object.fromEntries(Object.entries(child).sort(([a], [b]) => (a < b ? -1 : 1)))
      : child,
  );
}
