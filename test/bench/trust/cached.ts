import { decideVerdict, FactCache, FactFinder, type VerifyRequest } from "../../../src/trust/index.ts";
import { createVerifier, keyAuthorities, mustBeVerified, policyOf } from "../support/artifacts.ts";
import { short, type Row } from "../support/report.ts";
import type { Setting } from "./setting.ts";

const secondsEach = 2;
const aim = ">= 50,000";
const theirs = "none: it keeps no facts";

/** Verdicts by somebody who knows everything already: no process, no request. */
export async function cachedVerdicts(setting: Setting): Promise<readonly Row[]> {
  const { registry, egress, cosign, references, release } = setting;
  const cache = new FactCache();
  const verifier = createVerifier({ registry, egress, cosign, cache });
  const policies = [policyOf(keyAuthorities([release]))];
  const now = new Date();
  const requestFor = (reference: string): VerifyRequest => ({
    reference,
    use: "Image",
    namespace: "bench",
    policies,
    now,
  });
  const requests = references.map(requestFor);
  for (const request of requests) mustBeVerified(await verifier.verify(request));

  const [asked, runs] = [await registry.requests(), cosign.runs];
  const whole = await countFor(async (index) => {
    const request = requests[index % requests.length];
    if (request !== undefined) mustBeVerified(await verifier.verify(request));
  });
  const spent = { requests: (await registry.requests()) - asked, cosignRuns: cosign.runs - runs };

  const reference = references[0] ?? "";
  const artifact = await verifier.gather({ reference, now });
  if (artifact.state !== "Found") throw new Error(artifact.message);
  const finder = new FactFinder(cache, cosign);
  const facts = await finder.find(artifact, policies, undefined);
  const input = { artifact, policies, required: [], namespace: "bench", use: "Image", now, ...facts } as const;
  const pure = await countFor(() => {
    const { outcome } = decideVerdict(input);
    if (outcome !== "Verified") throw new Error(outcome);
  });
  const found = await countFor(() => finder.find(artifact, policies, undefined));
  const row = (what: string, perSecond: number, raw: object = {}): Row => ({
    what,
    ours: short(perSecond),
    theirs,
    aim,
    raw: { perSecond, ...raw },
  });
  return [
    row("cached facts a second: looked up", found),
    row("cached facts a second: decided upon (decideVerdict)", pure),
    row("cached facts a second: whole verify(), one fact each", whole, spent),
  ];
}

/** How often the action is done in a second, one after the other, after a warm-up. */
async function countFor(action: (index: number) => unknown): Promise<number> {
  const run = async (seconds: number): Promise<number> => {
    const begin = performance.now();
    const end = begin + seconds * 1000;
    let index = 0;
    while (performance.now() < end) {
      // The clock is looked at rarely: it takes part of what is measured.
      for (let burst = 0; burst < 100; burst++) await action(index++);
    }
    return (index * 1000) / (performance.now() - begin);
  };
  await run(secondsEach / 4);
  return run(secondsEach);
}
