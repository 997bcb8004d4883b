import assert from "node:assert/strict";
import { profileDefaults } from "../../../../src/isolation/walls/profiles.ts";
import { read } from "../../api/markdown.ts";

describe("the guide on secure namespaces", () => {
  it("shows what each profile gives", async () => {
    const guide = await read("docs/guide/secure-namespaces.md");
    const rows = guide.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
    const { experiment, training, serving } = profileDefaults;
    const shown = (name: string, ...values: readonly (string | undefined)[]) => {
      const row = rows.find(([, cell]) => cell === name);
      assert.deepEqual(row?.slice(2, 5), values, name);
    };
    for (const key of Object.keys(experiment.quota))
      shown(`quota \`${key}\``, experiment.quota[key], training.quota[key], serving.quota[key]);
    for (const part of ["defaultRequest", "default", "max"] as const)
      for (const key of ["cpu", "memory"])
        shown(
          `limits \`${part}\` \`${key}\``,
          experiment.limits[part][key],
          training.limits[part][key],
          serving.limits[part][key],
        );
    shown("`podSecurity`", experiment.podSecurity, training.podSecurity, serving.podSecurity);
  });
});
