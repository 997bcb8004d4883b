import assert from "node:assert/strict";
import { type ResolvedPolicy, type Verification, type VerifyRequest, verifyLatest } from "../../../src/trust/index.ts";
import { freshKey, now, policy } from "./support/build.ts";

const request = { reference: "registry.example.com/models/iris:v1", use: "Image" as const, namespace: "shop", now };

/** Policies that change while the n-th answer is on its way. */
async function asked(changes: number): Promise<readonly (readonly ResolvedPolicy[])[]> {
  const seen: (readonly ResolvedPolicy[])[] = [];
  let policies = [policy()];
  const verify = ({ policies: used }: VerifyRequest) => {
    seen.push(used);
    if (seen.length <= changes) policies = [policy({ authorities: [{ name: "new", key: freshKey() }] })];
    return Promise.resolve({} as Verification);
  };
  await verifyLatest({ verify }, { policies: () => policies, exceptions: () => [] }, request);
  assert.ok(changes >= 3 || seen.at(-1) === policies);
  return seen;
}

describe("Verifying by the policies of the moment of the answer", () => {
  for (const [title, changes, times] of [
    ["asks once when nothing has changed", 0, 1],
    ["asks again when a key was changed meanwhile", 1, 2],
    ["does not ask for ever", 10, 3],
  ] as const) {
    it(title, async () => assert.equal((await asked(changes)).length, times));
  }
});
