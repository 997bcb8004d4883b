import assert from "node:assert/strict";
import { run } from "../../../src/cli/run.ts";

describe("the command line of mlsecops", () => {
  const table: readonly (readonly [readonly string[], number, RegExp])[] = [
    [[], 2, /^mlsecops: a command is needed\n\nusage: mlsecops COMMAND/],
    [["preflght"], 2, /no command 'preflght'/],
    [["preflight", "--fast"], 2, /Unknown option '--fast'.*\n\nusage: mlsecops preflight/],
    [["preflight", "now"], 2, /Unexpected argument 'now'/],
    [["preflight", "--kubeconfig"], 2, /argument missing/],
    [["preflight", "--kubeconfig", "/absent"], 2, /no kubeconfig: .*\/absent/],
    [["--help"], 0, /^usage: mlsecops COMMAND/],
    [["-h"], 0, /^usage: mlsecops COMMAND/],
    [["help"], 0, /^usage: mlsecops COMMAND/],
    [["preflight", "--help"], 0, /^usage: mlsecops preflight/],
  ];
  const before = process.env["KUBECONFIG"];
  after(() => {
    if (before === undefined) delete process.env["KUBECONFIG"];
    else process.env["KUBECONFIG"] = before;
  });
  for (const [args, status, text] of table)
    it(`mlsecops ${args.join(" ")}: ends with ${status}`, async () => {
      const written = { out: "", err: "" };
      const output = {
        out: (text: string) => void (written.out += text),
        err: (text: string) => void (written.err += text),
      };
      assert.equal(await run(args, output), status);
      // Help is what was asked for; an error is not for a pipe.
      assert.match(status === 0 ? written.out : written.err, text);
      assert.equal(status === 0 ? written.err : written.out, "");
    });
});
