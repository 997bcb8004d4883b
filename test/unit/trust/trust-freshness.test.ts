import assert from "node:assert/strict";
import type { ResolvedAuthority, ResolvedPolicy } from "../../../src/trust/index.ts";
import type { RevocationList } from "../../../src/trust/revocation-list.ts";
import { expiryOf, trustFreshness } from "../../../src/trust/trust-freshness.ts";
import type { TimestampRoot, TrustRoot } from "../../../src/trust/trust-root.ts";
import { hour, later, now, policy } from "./support/build.ts";
import { identity } from "./support/certificate.ts";

const day = 24 * hour;

function ca(name: string, endsIn: number, listEndsIn?: number): ResolvedAuthority {
  return {
    name,
    root: { expiresAt: later(endsIn) } as TrustRoot,
    identities: [identity({ subject: "a" })],
    ...(listEndsIn === undefined ? {} : { revocations: { nextUpdate: later(listEndsIn) } as RevocationList }),
  };
}

const of = (...authorities: readonly ResolvedAuthority[]): ResolvedPolicy => policy({ authorities });

interface Case {
  readonly what: string;
  readonly policy: ResolvedPolicy;
  readonly state: string;
  readonly message: RegExp;
  readonly nextMs?: number | undefined;
}

const cases: readonly Case[] = [
  { what: "keys", policy: policy(), state: "Fresh", message: /nothing that this policy rests on has an end/ },
  {
    what: "what is not usable",
    policy: of({ name: "a", problem: "gone" }),
    state: "Fresh",
    message: /nothing .* has an end/,
  },
  {
    what: "a certificate with a year to go",
    policy: of(ca("a", 365 * day)),
    state: "Fresh",
    message: /the first to end is the certificates of authority a \(2027-03-01T12:00:00\.000Z\)/,
    nextMs: 7 * day,
  },
  {
    what: "a certificate a day before the month",
    policy: of(ca("a", 31 * day)),
    state: "Fresh",
    message: /first to end/,
    nextMs: day,
  },
  {
    what: "a certificate with a month to go",
    policy: of(ca("a", 30 * day)),
    state: "ExpiresSoon",
    message: /ends soon: the certificates of authority a .*; give its successor beside it now/,
    nextMs: 7 * day,
  },
  {
    what: "a certificate that has ended",
    policy: of(ca("a", 0)),
    state: "Expired",
    message: /ended: the certificates of authority a .*; nothing new can be verified by it/,
    nextMs: 7 * day,
  },
  {
    what: "a list with two days to go, which is no reason to worry",
    policy: of(ca("a", 365 * day, 2 * day)),
    state: "Fresh",
    message: /the first to end is the revocation list of authority a/,
    nextMs: day,
  },
  {
    what: "a list with a day to go",
    policy: of(ca("a", 365 * day, day)),
    state: "ExpiresSoon",
    message: /the revocation list of authority a/,
    nextMs: day,
  },
  {
    what: "a list that has ended before a certificate that ends soon",
    policy: of(ca("b", 5 * day), ca("a", 365 * day, -1)),
    state: "Expired",
    message: /^ended: the revocation list of authority a \([^)]*\);/,
    nextMs: 5 * day,
  },
  {
    what: "timestamp authorities",
    policy: policy({ timestamps: { expiresAt: later(day) } as TimestampRoot }),
    state: "ExpiresSoon",
    message: /the timestamp authorities/,
    nextMs: day,
  },
];

describe("how fresh trust is", () => {
  for (const { what, policy: rests, state, message, nextMs } of cases) {
    it(`${state}: ${what}`, () => {
      const freshness = trustFreshness(rests, now);
      assert.equal(freshness.state, state);
      assert.match(freshness.message, message);
      assert.equal(freshness.nextMs, nextMs);
    });
  }

  it("an authority ends with its certificates or its list, whichever comes first", () => {
    assert.deepEqual(expiryOf(ca("a", day, 2 * day)), later(day));
    assert.deepEqual(expiryOf(ca("a", 2 * day, day)), later(day));
    assert.deepEqual(expiryOf(ca("a", day)), later(day));
    assert.equal(expiryOf({ name: "a", problem: "gone" }), undefined);
  });
});
