import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { parseSigningKeys, signedHeaders, signingKeysOf } from "../../../src/notify/index.ts";

const Vectors = z.array(
  z.object({
    secret: z.string(),
    id: z.string(),
    timestamp: z.number(),
    body: z.string(),
    signature: z.string(),
  }),
);
const key = (bytes: number, of = 7) => Buffer.alloc(bytes, of);
const written = (bytes: number, of = 7) => `whsec_${key(bytes, of).toString("base64")}`;
const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("a signature", () => {
  it("is the one that the library of Standard Webhooks makes", async () => {
    const file = new URL("../../vectors/notifications/standard-webhooks.json", import.meta.url);
    const vectors = Vectors.parse(JSON.parse(await readFile(file, "utf8")));
    assert.equal(vectors.length, 15);
    for (const { secret, id, timestamp, body, signature } of vectors) {
      const parsed = parseSigningKeys(secret);
      assert.ok("keys" in parsed);
      assert.deepEqual(signedHeaders({ id, body }, parsed.keys, new Date(timestamp * 1000 + 999)), {
        "webhook-id": id,
        "webhook-timestamp": String(timestamp),
        "webhook-signature": signature,
      });
    }
  });

  it("is made by every key, while one replaces the other", () => {
    const letter = { id: "evt_1", body: "{}" };
    const by = (keys: readonly Buffer[]) => signedHeaders(letter, keys, new Date(0))["webhook-signature"];
    assert.equal(by([key(32, 1), key(32, 2)]), `${by([key(32, 1)])} ${by([key(32, 2)])}`);
  });
});

describe("keys to sign with", () => {
  it("are written with whsec_ or without, with space around and between them", () => {
    const parsed = parseSigningKeys(`\n${written(24)}  ${written(64, 8).slice("whsec_".length)}\n`);
    assert.deepEqual(parsed, { keys: [key(24), key(64, 8)] });
  });

  const wrong: readonly (readonly [text: string, problem: RegExp])[] = [
    ["", /1 to 4 keys/],
    [`${written(32)} `.repeat(5), /1 to 4 keys/],
    ["correct-horse-battery-staple", /whsec_ and base64/],
    [written(32).replace("=", ""), /whsec_ and base64/],
    [written(23), /24 to 64 bytes/],
    [written(65), /24 to 64 bytes/],
  ];
  for (const [text, problem] of wrong) {
    it(`are not ${JSON.stringify(text.slice(0, 30))}, and no message repeats it`, () => {
      const parsed = parseSigningKeys(text);
      assert.ok("problem" in parsed);
      assert.match(parsed.problem, problem);
      for (const word of text.split(" ").filter((one) => one !== "")) assert.ok(!parsed.problem.includes(word));
    });
  }
});

describe("a Secret with keys to sign with", () => {
  const labels = { "mlsecops.io/use": "cloudevents" };
  const secret = (data: Record<string, string>, own: Record<string, string> = labels) =>
    signingKeysOf("keys", { metadata: { name: "keys", labels: own }, data });

  it("gives them", () => {
    assert.deepEqual(secret({ signingKey: base64(`${written(32)}\n`) }), { keys: [key(32)] });
  });

  const wrong: readonly (readonly [what: string, found: ReturnType<typeof secret>, problem: RegExp])[] = [
    ["that is missing", signingKeysOf("keys", undefined), /^Secret keys is not there: create it/],
    [
      "for something else",
      secret({ signingKey: base64(written(32)) }, { "mlsecops.io/use": "prometheus" }),
      /no label/,
    ],
    ["without a label", secret({ signingKey: base64(written(32)) }, {}), /label mlsecops.io\/use: cloudevents/],
    ["without the entry", secret({ token: base64("t") }), /has no signingKey/],
    ["with a wrong key", secret({ signingKey: base64("secret") }), /cannot be used: signingKey must be whsec_/],
  ];
  for (const [what, found, problem] of wrong)
    it(`is refused, ${what}`, () => assert.match("problem" in found ? found.problem : "", problem));
});
