import { FactCache } from "../../../src/trust/index.ts";
import { createVerifier, mustBeVerified, policyOf, keyAuthorities } from "../support/artifacts.ts";
import { repeat } from "../support/measure.ts";
import { short, type Row } from "../support/report.ts";
import { keyPolicy, verifyWithPeer } from "../peers/policy-controller.ts";
import type { Setting } from "./setting.ts";

const rounds = [
  { workers: 1, ours: 16, theirs: 400 },
  { workers: 8, ours: 48, theirs: 1200 },
  { workers: 32, ours: 64, theirs: 1200 },
] as const;

/** Verifications by somebody who knows nothing yet: everything is read from the registry, every signature is checked. */
export async function coldVerifications(setting: Setting): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const { workers, ours, theirs } of rounds) {
    const own = await coldHere(setting, { workers, count: ours });
    const peer = await coldThere(setting, { workers, count: theirs });
    rows.push({
      what: `cold verifications a second, ${workers} at once`,
      ours: `${short(own.perSecond)}, p50 ${short(own.p50)} ms, p99 ${short(own.p99)} ms; ${short(own.requestsEach)} requests, ${short(own.cosignEach)} cosign runs each`,
      theirs: `${short(peer.perSecond)}, p50 ${short(peer.p50)} ms, p99 ${short(peer.p99)} ms; ${short(peer.requestsEach)} requests each`,
      aim: "none: the peer's",
      raw: { ours: own, theirs: peer },
    });
  }
  for (const { workers } of rounds) rows.push(await signatureKnown(setting, workers));
  return rows;
}

interface Load {
  readonly workers: number;
  readonly count: number;
}

async function coldHere(setting: Setting, load: Load) {
  const { registry, egress, cosign, references, release } = setting;
  const policies = [policyOf(keyAuthorities([release]))];
  const [requestsBefore, runsBefore] = [await registry.requests(), cosign.runs];
  const result = await repeat(load, async (index) => {
    const verifier = createVerifier({ registry, egress, cosign, cache: new FactCache() });
    const reference = references[index % references.length] ?? "";
    mustBeVerified(await verifier.verify({ reference, use: "Image", namespace: "bench", policies, now: new Date() }));
  });
  return {
    ...result,
    requestsEach: ((await registry.requests()) - requestsBefore) / load.count,
    cosignEach: (cosign.runs - runsBefore) / load.count,
  };
}

async function coldThere({ registry, references, release }: Setting, load: Load) {
  const before = await registry.requests();
  const result = await verifyWithPeer({ policy: keyPolicy([release]), references, ...load });
  return { ...result, requestsEach: ((await registry.requests()) - before) / load.count };
}

/** What a re-check costs: the registry is looked at again, and the same bundle is still there. */
async function signatureKnown(setting: Setting, workers: number): Promise<Row> {
  const { registry, egress, cosign, references, release } = setting;
  const policies = [policyOf(keyAuthorities([release]))];
  const verifier = createVerifier({ registry, egress, cosign });
  const look = async (index: number): Promise<void> => {
    const reference = references[index % references.length] ?? "";
    const request = { reference, use: "Image", namespace: "bench", policies, now: new Date(), refresh: true } as const;
    mustBeVerified(await verifier.verify(request));
  };
  await repeat({ workers: 8, count: references.length }, look);
  const [before, runsBefore] = [await registry.requests(), cosign.runs];
  const count = 1500;
  const result = await repeat({ workers, count }, look);
  const requestsEach = ((await registry.requests()) - before) / count;
  return {
    what: `re-checks a second: registry read anew, signature known, ${workers} at once`,
    ours: `${short(result.perSecond)}, p50 ${short(result.p50)} ms, p99 ${short(result.p99)} ms; ${short(requestsEach)} requests each`,
    theirs: "as cold: it keeps nothing",
    aim: "none",
    raw: { ours: { ...result, requestsEach, cosignRuns: cosign.runs - runsBefore } },
  };
}
