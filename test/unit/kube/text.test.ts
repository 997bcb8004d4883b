import assert from "node:assert/strict";
import fc from "fast-check";
import { truncateUtf8 } from "../../../src/kube/index.ts";

describe("truncated text", () => {
  it("fits, is valid, and is a beginning of the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), fc.integer({ min: 3, max: 80 }), (text, limit) => {
        const cut = truncateUtf8(text, limit);
        assert.ok(Buffer.byteLength(cut) <= limit);
        assert.ok(!cut.includes("\ufffd") || text.includes("\ufffd"), "a character was split");
        assert.ok(cut === text || text.startsWith(cut.slice(0, -1)));
      }),
    );
  });

  it("is left alone when it fits", () => {
    assert.equal(truncateUtf8("äöü", 6), "äöü");
    assert.equal(truncateUtf8("äöü", 5), "ä…");
  });
});
