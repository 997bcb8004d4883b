import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Cosign, type BundleOutcome, type CosignOptions } from "../../../src/trust/index.ts";
import { digest, vector } from "./support/build.ts";
import { FakeCosign } from "./support/fake-cosign.ts";

const check = {
  bundle: vector("p256.bundle.json"),
  by: { kind: "Key", publicKeyPem: vector("p256.pub").toString() } as const,
  digest,
  predicateType: "https://sigstore.dev/cosign/sign/v1",
};
/** Knows the good signature and says no to any other. */
const sound = "[ $canary = yes ] && say_ok;";

describe("what cosign says, and what it means", () => {
  const fakes: FakeCosign[] = [];
  afterEach(async () => {
    for (const fake of fakes.splice(0)) {
      assert.deepEqual(await readdir(fake.tempDir), [], "a private directory was left behind");
      await fake.remove();
    }
  });

  async function cosign(
    judge: string,
    options: Partial<CosignOptions> = {},
    version?: string,
  ): Promise<{ tool: Cosign; fake: FakeCosign }> {
    const fake = await FakeCosign.create(judge, version);
    fakes.push(fake);
    return { fake, tool: new Cosign({ path: fake.path, tempDir: fake.tempDir, timeoutMs: 5000, ...options }) };
  }

  const outcomes: readonly (readonly [
    what: string,
    judge: string,
    outcome: BundleOutcome["outcome"],
    detail: RegExp,
  ])[] = [
    ["exit 0 and the sentence", "say_ok", "valid", /^$/],
    ["exit 0 without the sentence", "exit 0", "indeterminate", /did not say "Verified OK"/],
    ["exit 0 and the sentence in another", 'echo "not Verified OK" >&2; exit 0', "indeterminate", /did not say/],
    ["exit 0 and the sentence elsewhere", 'echo "Verified OK"; exit 0', "indeterminate", /did not say/],
    ["the sentence and exit 1", `${sound} echo "Verified OK" >&2; say_no "bad"`, "invalid", /^bad$/],
    ["exit 1 and a reason", `${sound} say_no "accepted signatures do not match threshold"`, "invalid", /threshold/],
    ["exit 10 and a reason", `${sound} say_no "no signatures" 10`, "invalid", /no signatures/],
    ["exit 12 and a reason", `${sound} say_no "no matching" 12`, "invalid", /no matching/],
    ["exit 1 without a reason", `${sound} exit 1`, "indeterminate", /exit code 1 and without a reason/],
    ["a crash", `${sound} echo "panic: runtime error" >&2; exit 2`, "indeterminate", /exit code 2/],
    ["a reason and the exit code of a crash", `${sound} say_no "odd" 2`, "indeterminate", /exit code 2/],
    ["a shell that cannot run it", `${sound} say_no "odd" 126`, "indeterminate", /exit code 126/],
    ["being killed", "kill -KILL $$", "indeterminate", /killed by SIGKILL; is there enough memory/],
    ["aborting", "kill -ABRT $$", "indeterminate", /killed by SIGABRT/],
    ["endless output", "yes >&2", "indeterminate", /printed more than/],
    [
      "endless output before the sentence",
      "head -c 100000 /dev/zero >&2; say_ok",
      "indeterminate",
      /printed more than/,
    ],
    [
      "no to everything",
      'say_no "no space left on device"',
      "indeterminate",
      /refuses even a signature known to be good.*no space left/,
    ],
    ["no, and then nothing", '[ $canary = yes ] && exit 0; say_no "bad"', "indeterminate", /refuses even/],
  ];
  for (const [what, judge, outcome, detail] of outcomes) {
    it(`${what}: ${outcome}`, async () => {
      const { tool } = await cosign(judge);
      const result = await tool.verifyBundle(check);
      assert.equal(result.outcome, outcome, JSON.stringify(result));
      assert.match("detail" in result ? result.detail : "", detail);
    });
  }

  it("a hang is ended, and is indeterminate", async () => {
    const { tool } = await cosign("exec sleep 60", { timeoutMs: 200 });
    const result = await tool.verifyBundle(check);
    assert.equal(result.outcome, "indeterminate");
    assert.match(result.detail, /took longer than 200 ms/);
  });

  it("a tool that is not there, or may not be run, is indeterminate", async () => {
    const { fake } = await cosign("say_ok");
    for (const path of [join(fake.directory, "absent"), join(fake.directory, "good-key")]) {
      const result = await new Cosign({ path, tempDir: fake.tempDir }).verifyBundle(check);
      assert.equal(result.outcome, "indeterminate");
      assert.match(result.detail, /could not be started \((ENOENT|EACCES)\); check the path of cosign/);
    }
  });

  it("a path that is not absolute is refused at once", () => {
    for (const path of ["cosign", "./cosign", ""]) assert.throws(() => new Cosign({ path }), /must be absolute/);
  });

  it("no room for the files is indeterminate", async () => {
    const { fake } = await cosign("say_ok");
    const result = await new Cosign({ path: fake.path, tempDir: join(fake.directory, "absent") }).verifyBundle(check);
    assert.equal(result.outcome, "indeterminate");
    assert.match(result.detail, /could not be run: Error: ENOENT/);
  });

  it("an abort kills the process and is indeterminate", async () => {
    const { tool, fake } = await cosign('echo $$ >"$here/pid"; exec sleep 60');
    const controller = new AbortController();
    const result = tool.verifyBundle({ ...check, signal: controller.signal });
    let pid = "";
    while (pid === "") {
      await delay(10);
      pid = await readFile(join(fake.directory, "pid"), "utf8").catch(() => "");
    }
    controller.abort();
    const { outcome } = await result;
    assert.equal(outcome, "indeterminate");
    assert.throws(() => process.kill(Number(pid), 0), /ESRCH/);
  });

  it("runs no more at once than it may, and none that is no longer wanted", async () => {
    const { tool, fake } = await cosign(
      'mkdir "$here/run.$$"; ls -d "$here"/run.* | wc -l >>"$here/most"; sleep 0.1; rmdir "$here/run.$$"; say_ok',
      { concurrency: 2 },
    );
    const controller = new AbortController();
    const all = [0, 1, 2, 3, 4].map(() => tool.verifyBundle(check));
    const late = tool.verifyBundle({ ...check, signal: controller.signal });
    controller.abort();
    assert.ok((await Promise.all(all)).every((result) => result.outcome === "valid"));
    assert.equal((await late).outcome, "indeterminate");
    const most = (await readFile(join(fake.directory, "most"), "utf8")).trim().split("\n");
    assert.equal(most.length, 5);
    assert.ok(
      most.every((count) => Number(count) <= 2),
      most.join(),
    );
  });

  it("gives the process its files, a private directory, and nothing of the environment of the operator", async () => {
    process.env["MLSECOPS_TEST_SECRET"] = "hunter2";
    try {
      const { tool, fake } = await cosign(
        'env >"$here/env"; printf "%s\\n" "$@" >"$here/args"; stat -c %a "$HOME" "$arg_bundle" "$arg_key" >"$here/modes"; cp "$arg_bundle" "$here/bundle"; pwd >"$here/pwd"; say_ok',
      );
      assert.equal((await tool.verifyBundle(check)).outcome, "valid");
      const read = async (name: string): Promise<string> => readFile(join(fake.directory, name), "utf8");
      const env = await read("env");
      assert.doesNotMatch(env, /hunter2|MLSECOPS/);
      // Node hands this one on by itself while coverage is measured.
      const names = env
        .replace(/^NODE_V8_COVERAGE=.*\n/m, "")
        .trim()
        .split("\n")
        .map((line) => line.split("=", 1)[0] ?? "");
      // bash adds the last four itself.
      assert.deepEqual(
        new Set(names),
        new Set([
          "HOME",
          "TMPDIR",
          "TUF_ROOT",
          "TUF_MIRROR",
          "HTTP_PROXY",
          "HTTPS_PROXY",
          "NO_COLOR",
          "GOMAXPROCS",
          "PWD",
          "SHLVL",
          "_",
        ]),
      );
      const home = (await read("pwd")).trim();
      assert.match(home, new RegExp(`^${fake.tempDir}/`));
      assert.deepEqual((await read("args")).trim().split("\n"), [
        "verify-blob-attestation",
        `--bundle=${home}/bundle.json`,
        "--type=https://sigstore.dev/cosign/sign/v1",
        `--digest=${digest.slice("sha256:".length)}`,
        "--digestAlg=sha256",
        `--key=${home}/key.pub`,
        "--insecure-ignore-tlog=true",
      ]);
      assert.deepEqual((await read("modes")).trim().split("\n"), ["700", "600", "600"]);
      assert.deepEqual(await readFile(join(fake.directory, "bundle")), check.bundle);
      await assert.rejects(stat(home), /ENOENT/);
    } finally {
      delete process.env["MLSECOPS_TEST_SECRET"];
    }
  });

  describe("the test of the tool itself", () => {
    const tests: readonly (readonly [
      what: string,
      judge: string,
      version: string | undefined,
      problem: RegExp | undefined,
    ])[] = [
      ["a sound tool", `${sound} say_no bad`, undefined, undefined],
      ["one that says yes to everything", "say_ok", undefined, /does not refuse a signature known to be bad/],
      ["one that says no to everything", "say_no bad", undefined, /does not accept a signature known to be good: bad/],
      ["one that crashes on what is bad", `${sound} exit 2`, undefined, /does not refuse/],
      [
        "one that does not look at the kind of statement",
        `${sound} [ "$arg_type" = https://example.com/other/v1 ] && say_ok; say_no bad`,
        undefined,
        /does not refuse/,
      ],
      [
        "an older one",
        `${sound} say_no bad`,
        '{"gitVersion": "v2.6.1"}',
        /is cosign v2\.6\.1; this operator needs cosign 3/,
      ],
      ["a newer one", `${sound} say_no bad`, '{"gitVersion": "v4.0.0"}', /is cosign v4\.0\.0/],
      ["one that is something else", `${sound} say_no bad`, "BusyBox v1.36", /does not say its version/],
      ["true", "exit 0", "", /does not say its version/],
    ];
    for (const [what, judge, version, problem] of tests) {
      it(`${what}: ${problem === undefined ? "passes" : "does not pass"}`, async () => {
        const result = await (await cosign(judge, {}, version)).tool.selfTest();
        assert.equal(result.ok, problem === undefined, JSON.stringify(result));
        if (problem !== undefined) assert.match("problem" in result ? result.problem : "", problem);
        else assert.deepEqual(result, { ok: true, version: "v3.1.3" });
      });
    }

    it("needs no place for files but the usual one", async () => {
      const { fake } = await cosign(`${sound} say_no bad`);
      assert.equal((await new Cosign({ path: fake.path }).selfTest()).ok, true);
    });

    it("one that is not there does not pass", async () => {
      const { fake } = await cosign("say_ok");
      const result = await new Cosign({ path: join(fake.directory, "absent"), tempDir: fake.tempDir }).selfTest();
      assert.match("problem" in result ? result.problem : "", /ENOENT/);
    });
  });
});
