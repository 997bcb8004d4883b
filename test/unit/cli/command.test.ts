import assert from "node:assert/strict";
import { Profile } from "../../../src/api/index.ts";
import { defineCommand } from "../../../src/cli/command.ts";
import { commands } from "../../../src/cli/commands.ts";
import { UsageError } from "../../../src/cli/usage-error.ts";

const seen: unknown[] = [];
const greet = defineCommand({
  name: "greet",
  summary: "says hello",
  about: "Says hello.",
  positionals: [{ name: "NAME", help: "whom", choices: ["anna", "ben"] }],
  options: {
    times: { type: "string", short: "t", value: "N", default: "1", help: "how often" },
    loud: { type: "boolean", help: "in capitals" },
    to: { type: "string", multiple: true, value: "PLACE", help: "where" },
    by: { type: "string", required: true, value: "WHOM", choices: ["post", "phone"], help: "how" },
  },
  exits: [{ status: 0, meaning: "said" }],
  run: ({ values, positionals }) => {
    seen.push({ values: { ...values }, positionals });
    return Promise.resolve(0);
  },
});

const io = { out: () => undefined, err: () => undefined, env: {}, now: () => new Date(0) };

describe("a command of the table", () => {
  it("gets every option, the absent ones by their default", async () => {
    await greet.run(["anna", "--by", "post", "--to", "a", "--to=b"], io);
    const values = { times: "1", loud: false, to: ["a", "b"], by: "post", help: false };
    assert.deepEqual(seen.pop(), { values, positionals: ["anna"] });
  });

  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["--by", "post"], /^give NAME: whom$/],
    [["anna"], /^give --by WHOM$/],
    [["anna", "--by", "mail"], /^--by mail: write post or phone$/],
    [["carl", "--by", "post"], /^NAME carl: write anna or ben$/],
    [["anna", "ben", "--by", "post"], /^Unexpected argument 'ben'$/],
    [["anna", "--by", "post", "--fast"], /^Unknown option '--fast'/],
    [["anna", "--by"], /argument missing/],
  ];
  for (const [args, message] of wrong)
    it(`refuses ${args.join(" ")}`, async () => {
      await assert.rejects(greet.run(args, io), (error) => error instanceof UsageError && message.test(error.message));
    });

  it("takes what is optional or leaves it out", async () => {
    const wave = defineCommand({
      ...{ name: "wave", summary: "waves", about: "Waves.", options: {}, exits: [{ status: 0, meaning: "waved" }] },
      positionals: [
        { name: "NAME", help: "whom" },
        { name: "HAND", help: "with which", choices: ["left", "right"], optional: true },
      ],
      run: ({ positionals }) => {
        seen.push(positionals);
        return Promise.resolve(0);
      },
    });
    assert.match(wave.usage, /^usage: mlsecops wave NAME \[left\|right\] \[OPTION\.\.\.\]/);
    for (const args of [["anna"], ["anna", "left"]]) {
      await wave.run(args, io);
      assert.deepEqual(seen.pop(), args);
    }
    await assert.rejects(wave.run(["anna", "none"], io), /HAND none: write left or right/);
    await assert.rejects(wave.run([], io), /give NAME/);
  });

  it("a namespace is one before it becomes part of an address", async () => {
    for (const args of [
      ["status", "-n", "../../secrets"],
      ["explain", "smodel/x", "--namespace", "A"],
      ["replay", "--replace", "x", "--operator-namespace", ""],
    ]) {
      const command = commands.find(({ name }) => name === args[0]) ?? assert.fail();
      await assert.rejects(command.run(args.slice(1), io), /this is no NAMESPACE$/);
    }
  });

  it("takes every profile there is for a profile", () => {
    const preview = commands.find(({ name }) => name === "preview");
    assert.deepEqual(preview?.options["profile"]?.choices, Profile.options);
  });

  it("has a help with every option and every exit status", () => {
    assert.match(greet.usage, /^usage: mlsecops greet anna\|ben --by WHOM \[OPTION\.\.\.\]\n/);
    for (const text of [
      "-t, --times N",
      "(default: 1)",
      "--loud",
      "may be given more than once",
      "  4  this program failed",
    ])
      assert.ok(greet.usage.includes(text), text);
  });
});
