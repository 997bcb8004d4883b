import { OPERATOR_VERSION } from "../../operator/version.ts";
import { defineCommand } from "../command.ts";
import * as shared from "../options.ts";
import { json } from "../render/json.ts";

export const version = defineCommand({
  name: "version",
  summary: "the version of this command",
  about: "Prints the version of this command, which is that of the operator it came with.",
  positionals: [],
  options: { output: shared.output },
  exits: [{ status: 0, meaning: "always" }],
  run: ({ values }, { out }) => {
    const report = { format: "mlsecops.io/version/v1", version: OPERATOR_VERSION };
    out(values.output === "json" ? json(report) : `mlsecops ${report.version}\n`);
    return Promise.resolve(0);
  },
});
