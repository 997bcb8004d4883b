import { FactCache, type PublicKey, type ResolvedPolicy } from "../../../src/trust/index.ts";
import { person, Sigstore } from "../../support/sigstore/index.ts";
import { keyPolicy, verifyWithPeer } from "../peers/policy-controller.ts";
import { Pusher } from "../../integration/trust/support/pusher.ts";
import { createVerifier, keyAuthorities, mustBeVerified, policyOf, repository } from "../support/artifacts.ts";
import { distributionOf, timed } from "../support/measure.ts";
import { short, type Row } from "../support/report.ts";
import type { Setting } from "./setting.ts";

const containers = 8;
const authorities = 5;
const rounds = 10;
const aim = "one verification, < 50 ms";

/** A pod of eight containers with one image, under a policy of five authorities: all eight are asked for at once. */
export async function eightContainers(setting: Setting): Promise<readonly Row[]> {
  const { signer, registry } = setting;
  const keys: PublicKey[] = [];
  for (let index = 0; index < authorities; index++) keys.push(await signer.key(`five-${index}`));
  const pusher = new Pusher(`http://${registry.host}`, repository);
  try {
    const byOne = await push(pusher, registry.host, "signed by one");
    for (const form of ["bundle", "tag"] as const) await signer.sign("five-0", byOne, form);
    const byAll = await push(pusher, registry.host, "signed by all");
    for (let index = 0; index < authorities; index++) await signer.sign(`five-${index}`, byAll, "bundle");

    const anyKey = policyOf(keyAuthorities(keys));
    const peer = [];
    for (let round = 0; round < rounds; round++) {
      const load = { policy: keyPolicy(keys), references: [byOne], workers: containers, count: containers };
      peer.push((await verifyWithPeer(load)).max);
    }
    const theirs = distributionOf(peer);
    const cold = await measure(setting, byOne, anyKey);
    const known = await measure(setting, byOne, anyKey, true);
    const all = await measure(setting, byAll, policyOf(keyAuthorities(keys), authorities));
    return [
      row("8 containers, 5 keys, signed by one: nothing known", cold, { theirs }),
      row("8 containers, 5 keys, signed by one: facts known", known),
      row("8 containers, 5 keys, all 5 demanded: nothing known", all, { note: "not measured: it has no threshold" }),
      await keyless(setting, pusher),
    ];
  } finally {
    await pusher.close();
  }
}

async function keyless(setting: Setting, pusher: Pusher): Promise<Row> {
  const sigstore = await Sigstore.start();
  try {
    const reference = await push(pusher, setting.registry.host, "signed by a person");
    const people = Array.from({ length: authorities }, (_, index) => person(`release-${index}@bank.example`));
    const [first] = people;
    if (first !== undefined) await sigstore.sign(reference, first, { logged: true });
    const policy = policyOf(
      people.map(({ issuer, subject }, index) => ({
        name: `person-${index}`,
        keyless: { trustedRoot: { inline: sigstore.trustedRoot }, identities: [{ issuer, subject }] },
      })),
    );
    const seen = await measure(setting, reference, policy);
    const note = "not measured: its figure needs another form of signature";
    return row("8 containers, 5 identities of one Sigstore: nothing known", seen, { note });
  } finally {
    await sigstore.remove();
  }
}

async function push(pusher: Pusher, host: string, content: string): Promise<string> {
  return `${host}/${repository}@${await pusher.artifact(content, content.replaceAll(" ", "-"))}`;
}

interface Seen {
  readonly p50: number;
  readonly max: number;
  readonly cosignRuns: number;
  readonly requests: number;
}

/** The time until all eight have their verdict. Cold, each round is somebody who knows nothing. */
async function measure(
  { registry, egress, cosign }: Setting,
  reference: string,
  policy: ResolvedPolicy,
  warm = false,
): Promise<Seen> {
  const kept = new FactCache();
  const warmVerifier = createVerifier({ registry, egress, cosign, cache: kept });
  const request = { reference, use: "Image", namespace: "bench", policies: [policy], now: new Date() } as const;
  if (warm) mustBeVerified(await warmVerifier.verify(request));
  const [requests, runs] = [await registry.requests(), cosign.runs];
  const millis: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const verifier = warm ? warmVerifier : createVerifier({ registry, egress, cosign, cache: new FactCache() });
    const eight = Array.from({ length: containers }, () => request);
    millis.push(await timed(() => Promise.all(eight.map(async (one) => mustBeVerified(await verifier.verify(one))))));
  }
  const { p50, max } = distributionOf(millis);
  return {
    p50,
    max,
    cosignRuns: (cosign.runs - runs) / rounds,
    requests: ((await registry.requests()) - requests) / rounds,
  };
}

function row(
  what: string,
  seen: Seen,
  peer: { readonly theirs?: { readonly p50: number; readonly max: number }; readonly note?: string } = {},
): Row {
  const { theirs, note = "as nothing known: it keeps nothing" } = peer;
  return {
    what,
    ours: `p50 ${short(seen.p50)} ms, worst ${short(seen.max)} ms; ${short(seen.cosignRuns)} cosign runs, ${short(seen.requests)} requests`,
    theirs: theirs === undefined ? note : `p50 ${short(theirs.p50)} ms, worst ${short(theirs.max)} ms`,
    aim,
    raw: { ours: seen, ...(theirs === undefined ? {} : { theirs }) },
  };
}
