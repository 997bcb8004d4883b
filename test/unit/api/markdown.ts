import { readFile, readdir } from "node:fs/promises";

/** The repository's root. */
export const root = new URL("../../../", import.meta.url);

/** Every page that users and contributors read. */
export async function pages(): Promise<readonly string[]> {
  const docs = await readdir(new URL("docs/", root), { recursive: true });
  const below = docs.filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`);
  return ["README.md", "CONTRIBUTING.md", "SECURITY.md", "tools/README.md", "images/README.md", ...below.sort()];
}

export async function read(path: string): Promise<string> {
  return readFile(new URL(path, root), "utf8");
}

/** Code in a page: a fenced block with its language, an indented block, or a span in backticks. */
export interface Code {
  readonly kind: "fence" | "indented" | "span";
  readonly language: string;
  readonly text: string;
  /** The line that it begins on, counted from 1. */
  readonly line: number;
}

export function codeOf(page: string): readonly Code[] {
  const found: Code[] = [];
  const lines = page.split("\n");
  let fence: { mark: string; language: string; line: number; indent: number; text: string[] } | undefined;
  for (const [index, line] of lines.entries()) {
    const edge = /^(\s*)(`{3,}|~{3,})\s*([\w-]*)/.exec(line);
    if (fence !== undefined) {
      if (edge !== null && edge[2] === fence.mark && edge[3] === "") {
        found.push({ kind: "fence", language: fence.language, text: fence.text.join("\n"), line: fence.line });
        fence = undefined;
      } else fence.text.push(line.slice(Math.min(fence.indent, line.length - line.trimStart().length)));
    } else if (edge !== null) {
      fence = { mark: edge[2] ?? "", language: edge[3] ?? "", line: index + 1, indent: edge[1]?.length ?? 0, text: [] };
    } else if (/^ {4}\S/.test(line)) {
      found.push({ kind: "indented", language: "", text: line.trim(), line: index + 1 });
    } else {
      for (const [, text] of line.matchAll(/`([^`]+)`/g))
        found.push({ kind: "span", language: "", text: text ?? "", line: index + 1 });
    }
  }
  if (fence !== undefined) throw new Error(`line ${fence.line}: the block is never closed`);
  return found;
}

/** The YAML in a page that is meant to be applied: blocks marked yaml, and what shell blocks pipe into kubectl apply. */
export function yamlOf(page: string): readonly { readonly line: number; readonly text: string }[] {
  return codeOf(page).flatMap(({ kind, language, text, line }) => {
    if (kind !== "fence") return [];
    if (language === "yaml" || language === "yml") return [{ line, text }];
    const heredocs = text.matchAll(
      /kubectl (?:apply|create)[^\n]*-f -[^\n]*<<-?\s*['"]?(\w+)['"]?[^\n]*\n([\s\S]*?)\n\s*\1(?=\n|$)/g,
    );
    return [...heredocs].map((match) => ({ line, text: match[2] ?? "" }));
  });
}

/** The kinds of objects that commands of a page name: kubectl get KIND, describe KIND … */
export function kubectlKindsOf(page: string): readonly { readonly line: number; readonly kind: string }[] {
  const command =
    /kubectl(?:[ \t]+(?:-n[ \t]+\S+|--?[\w-]+(?:=\S+)?))*[ \t]+(?:get|describe|delete|patch|scale|edit|explain|annotate|label)[ \t]+(?:-\S+[ \t]+)*([a-z][\w,.-]*)/g;
  return codeOf(page).flatMap(({ text, line }) =>
    [...text.matchAll(command)].flatMap((match) =>
      (match[1] ?? "")
        .split(",")
        .filter((kind) => kind !== "")
        .map((kind) => ({ line, kind })),
    ),
  );
}
