// The commands of docs/guide/verifying-a-release.md, in their order, for a shell: each is said before it runs.
import { readFileSync } from "node:fs";

const page = readFileSync("docs/guide/verifying-a-release.md", "utf8");
const blocks = [...page.matchAll(/^```bash\n([^]*?)^```$/gm)].map(([, block = ""]) => block);
if (blocks.length === 0) throw new Error("no command found");
// Where people write their own, the release that is rehearsed has its values.
const prefix = process.env["PREFIX"] ?? "";
process.stdout.write(
  ["set -v", ...blocks.map((block) => block.replaceAll("registry.example.com/mlsecops", prefix))].join("\n"),
);
