import assert from "node:assert/strict";
import { execa } from "execa";
import { commands } from "../../../../src/cli/commands.ts";
import { bash } from "../../../../src/cli/completion/bash.ts";
import { fish } from "../../../../src/cli/completion/fish.ts";
import { zsh } from "../../../../src/cli/completion/zsh.ts";

/** What bash offers for the last of these words. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const script = `${bash(commands)}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}) COMP_CWORD=${words.length - 1}
_mlsecops
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await execa("bash", ["-c", script]);
  return stdout.split("\n").filter((line) => line !== "");
}

describe("completion", () => {
  const table: readonly (readonly [readonly string[], readonly string[]])[] = [
    [
      ["mlsecops", "pre"],
      ["preview", "preflight"],
    ],
    [["mlsecops", "verify", "--pol"], ["--policy"]],
    [
      ["mlsecops", "preview", "x", "--profile", ""],
      ["experiment", "training", "serving"],
    ],
    [["mlsecops", "status", "-o", "j"], ["json"]],
    [["mlsecops", "completion", "z"], ["zsh"]],
    [["mlsecops", "audit", "ver"], ["verify"]],
  ];
  for (const [words, expected] of table)
    it(`bash: ${words.join(" ")}`, async () => {
      assert.deepEqual(await offered(...words), expected);
    });

  it("every shell knows every command and every option", () => {
    for (const script of [bash(commands), zsh(commands), fish(commands)])
      for (const { name, options } of commands) {
        assert.ok(script.includes(name), name);
        for (const option of Object.keys(options)) assert.match(script, new RegExp(`(--|-l )${option}\\b`));
      }
  });

  it("zsh and fish: quotes are closed, whatever the help says", () => {
    for (const script of [zsh(commands), fish(commands)]) {
      const unescaped = script.replaceAll("'\\''", "").replaceAll("\\'", "");
      for (const line of unescaped.split("\n").filter((text) => !text.startsWith("#")))
        assert.equal((line.match(/'/g) ?? []).length % 2, 0, line);
    }
  });
});
