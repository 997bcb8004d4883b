/** Writes docs/reference/cli.md: node src/cli/reference/write.ts */
import { writeFile } from "node:fs/promises";
import { commands } from "../commands.ts";
import { referencePage } from "./page.ts";
import { shapes } from "./shapes.ts";

await writeFile(new URL("../../../docs/reference/cli.md", import.meta.url), referencePage(commands, shapes));
process.exit(0);
