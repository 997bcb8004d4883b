import { Egress } from "../egress/index.ts";
import { FormatScanner } from "../formats/index.ts";
import { TokenBucket } from "../kube/index.ts";
import { ArtifactStore, CloudLogins, Cosign, KmsKeys, Verifier } from "../trust/index.ts";
import type { Process } from "./connection.ts";
import type { Options } from "./options.ts";
import { countedBudget } from "./recheck-metrics.ts";

/** Of what is kept over a restart: some 20,000 artifacts with two signatures each. */
const maxStateBytes = 192 * 1024 ** 2;

/** What artifacts and their signatures are looked at with. */
export interface Verification {
  readonly egress: Egress;
  readonly kms: KmsKeys;
  readonly logins: CloudLogins;
  readonly verifier: Verifier;
}

/** `onKmsChange`: something else is known of this key. @throws Error when cosign is not fit for use. */
export async function createVerification(
  options: Options,
  { clock, log, metrics, signal }: Process,
  onKmsChange: (uri: string) => void,
): Promise<Verification> {
  const now = () => clock.now();
  const cosign = new Cosign({ path: options.cosign });
  const tool = await cosign.selfTest(signal);
  // A tool that cannot tell good from bad must not decide, and one that is missing never will.
  if (!tool.ok) throw new Error(`cosign is not fit for use: ${tool.problem}`);
  log.info({ cosign: tool.version }, "cosign tells good signatures from bad ones");
  const kms = new KmsKeys({
    read: (uri, variables, abort) => cosign.publicKey(uri, variables, abort),
    environment: process.env,
    pluginDir: options.kmsPlugins,
    now,
    onChange: onKmsChange,
    signal,
  });
  const egress = new Egress({
    plainHttpHosts: options.plainHttpRegistries,
    deniedAddresses: options.deniedAddresses,
    caBundle: options.registryCa,
    // Tenants have their own bounds at each registry: one alone cannot take all of these.
    maxConnectionsPerHost: 64,
  });
  const store =
    options.stateDir === undefined
      ? undefined
      : new ArtifactStore(options.stateDir, {
          maxBytes: maxStateBytes,
          onProblem: (error) => log.warn({ err: error }, "what is known of an artifact cannot be kept over a restart"),
        });
  await store?.open();
  const verifier = new Verifier({
    egress,
    store,
    bundleVerifier: cosign,
    plainHttpHosts: options.plainHttpRegistries,
    mirrors: options.registryMirrors,
    scanner: new FormatScanner(),
    limits: { maxLayerBytes: options.maxArtifactBytes },
    recheckBudget: countedBudget(
      metrics.registry,
      new TokenBucket({ perSecond: options.rechecksPerSecond, burst: options.rechecksPerSecond * 10 }, clock),
    ),
    clock: now,
  });
  const logins = new CloudLogins({
    egress,
    endpoints: options.cloudEndpoints,
    googleProvider: options.googleWorkloadIdentityProvider,
    now,
  });
  return { egress, kms, logins, verifier };
}
