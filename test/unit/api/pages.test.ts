import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { codeOf, kubectlKindsOf, pages, read, root, yamlOf } from "./markdown.ts";

/** What a page tells people to call or to open is there. What it tells them to apply is applied by the integration tests. */
/** Folders that commands write; what is in them depends on what was called. */
const outputs: readonly string[] = ["build", "coverage", "node_modules"];

describe("the pages", () => {
  it("name only make targets that exist", async () => {
    const makefile = await read("Makefile");
    const targets = new Set(
      [...makefile.matchAll(/^([a-z][a-z0-9-]*(?: [a-z0-9-]+)*):/gm)].flatMap(([, names]) => names?.split(" ")),
    );
    const wrong: string[] = [];
    let count = 0;
    for (const page of await pages())
      for (const { text, line } of codeOf(await read(page)))
        for (const [, target = ""] of text.matchAll(/(?:^|[\n;&|]|\s{2,})\s*make (?:-k )?([a-z][a-z0-9-]*)/g)) {
          count++;
          if (!targets.has(target)) wrong.push(`${page}:${line}: make ${target}`);
        }
    assert.ok(count > 10, `only ${count} found`);
    assert.deepEqual(wrong, []);
  });

  it("name only files and folders that exist", async () => {
    const wrong: string[] = [];
    let count = 0;
    for (const page of await pages()) {
      const folder = new URL(page, root);
      const exists = (path: string) => existsSync(new URL(path, root)) || existsSync(new URL(path, folder));
      for (const { kind, text, line } of codeOf(await read(page))) {
        if (kind !== "span" || !/^[\w.-]+(\/[\w.-]+)+\/?$/.test(text)) continue;
        // A path of this repository begins with something that is there; others are image names, API groups and the like.
        const [first = ""] = text.split("/");
        if (!exists(first) || outputs.includes(first)) continue;
        count++;
        if (!exists(text)) wrong.push(`${page}:${line}: ${text}`);
      }
    }
    assert.ok(count > 20, `only ${count} found`);
    assert.deepEqual(wrong, []);
  });

  it("link only to pages and headings that exist", async () => {
    const wrong: string[] = [];
    for (const page of await pages()) {
      const text = await read(page);
      for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [path = "", anchor] = target.split("#");
        const at = new URL(path === "" ? page : path, path === "" ? root : new URL(page, root));
        if (!existsSync(at)) wrong.push(`${page}: ${target}`);
        else if (anchor !== undefined && at.pathname.endsWith(".md")) {
          const headings = (await read(at.href)).matchAll(/^#+ (.*)$/gm);
          if (![...headings].some(([, heading = ""]) => anchorOf(heading) === anchor)) wrong.push(`${page}: ${target}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
  });
});

describe("reading a page", () => {
  const page = [
    "Say `make test`.",
    "```yaml",
    "kind: A",
    "```",
    "```bash",
    "kubectl -n x get smodel,mrev",
    "xargs kubectl delete",
    "done",
    "kubectl scale smodel/a, or kubectl delete -A pods",
    "kubectl apply -f - <<'EOF'",
    "kind: B",
    "EOF",
    "```",
    "    make setup",
  ].join("\n");

  it("finds the YAML, in blocks and in commands", () => {
    assert.deepEqual(yamlOf(page), [
      { line: 2, text: "kind: A" },
      { line: 5, text: "kind: B" },
    ]);
  });

  it("finds spans, blocks and the kinds that kubectl is asked for", () => {
    assert.deepEqual(
      codeOf(page).map(({ kind, line }) => [kind, line]),
      [
        ["span", 1],
        ["fence", 2],
        ["fence", 5],
        ["indented", 14],
      ],
    );
    assert.deepEqual(
      kubectlKindsOf(page).map(({ kind }) => kind),
      ["smodel", "mrev", "smodel", "pods"],
    );
  });

  it("fails on a block without an end", () => {
    assert.throws(() => codeOf("```yaml\nkind: A"), /never closed/);
  });
});

/** As GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[`*]/g, "")
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(/\s/g, "-");
}
