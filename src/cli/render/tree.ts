import { z } from "zod";
import type { Mood, Paint } from "./colour.ts";
import { plain } from "./text.ts";

const marks: Readonly<Record<Mood, string>> = { good: "[ok] ", bad: "[no] ", unknown: "[??] ", plain: "" };

/** One fact, and what it rests on below it. */
export interface TreeNode {
  readonly text: string;
  readonly state: Mood;
  readonly children: readonly TreeNode[];
}

export const TreeNode: z.ZodType<TreeNode> = z.lazy(() =>
  z.object({
    text: z.string(),
    state: z.enum(["good", "bad", "unknown", "plain"]),
    children: z.array(TreeNode),
  }),
);

export function node(text: string, state: Mood = "plain", children: readonly TreeNode[] = []): TreeNode {
  return { text, state, children };
}

/** Read from top to bottom, one line a fact. */
export function tree(root: TreeNode, paint: Paint): string {
  return [line(root, paint), ...branches(root, "", paint)].map((text) => `${text}\n`).join("");
}

function branches({ children }: TreeNode, indent: string, paint: Paint): readonly string[] {
  return children.flatMap((child, index) => {
    const isLast = index === children.length - 1;
    return [
      `${indent}${isLast ? "└─ " : "├─ "}${line(child, paint)}`,
      ...branches(child, `${indent}${isLast ? "   " : "│  "}`, paint),
    ];
  });
}

function line({ text, state }: TreeNode, paint: Paint): string {
  return `${paint(marks[state], state)}${plain(text)}`;
}
