import assert from "node:assert/strict";
import { onSmallDisk } from "./disk/small-disk.ts";

describe("a full disk", function () {
  this.timeout(60_000);

  it("delays evidence, and neither loses a decision nor breaks a chain", async () => {
    assert.deepEqual(await onSmallDisk("evidence.ts"), {
      whileFull: { waiting: 2, sound: true },
      sound: true,
      chains: 3,
      kept: { aaa: ["0000000000.json", "0000000001.json"], bbb: ["0000000000.json"] },
      dropped: 0,
    });
  });

  it("costs what would be kept over a restart, is no word against a signature, and leaves nothing behind", async () => {
    assert.deepEqual(await onSmallDisk("caches.ts"), {
      whileFull: { before: true, during: false, problems: ["ENOSPC"], cosign: "indeterminate", left: [] },
      after: { during: true, cosign: "valid" },
    });
  });
});
