import assert from "node:assert/strict";
import {
  decideFormat,
  DEFAULT_RULES,
  FINDINGS,
  FORMATS,
  INCOMPLETE_REASONS,
  isTrusted,
  type CompleteFacts,
  type FileFacts,
  type FindingName,
  type FormatName,
  type FormatRefusal,
  type FormatRules,
} from "../../../src/formats/index.ts";

function file(format: FormatName, more: Partial<FileFacts> = {}): FileFacts {
  return { path: `a/model.${format}`, size: 1, format, findings: [], types: [], external: [], ...more };
}

function layer(...files: readonly FileFacts[]): CompleteFacts {
  return { state: "Complete", bytes: 1, files, findings: [] };
}

function found(name: FindingName): readonly { readonly name: FindingName; readonly detail: string }[] {
  return [{ name, detail: "here" }];
}

const open: FormatRules = { allow: FORMATS, allowPickle: true, allowExecutables: true, trustedTypes: [] };
const lr = "sklearn.linear_model._logistic.LogisticRegression";

describe("the decision on formats", () => {
  const allowed: readonly FormatName[] = [
    ...["safetensors", "onnx", "gguf", "skops", "npy", "npz", "xgboost-json", "xgboost-ubj"],
    ...["lightgbm", "json", "text", "empty"],
    // What is in them is judged.
    ...["zip", "tar", "gzip", "zlib", "zstd"],
  ] as readonly FormatName[];
  for (const format of FORMATS) {
    it(`by default, ${format}: ${allowed.includes(format) ? "Accepted" : "Refused"}`, () => {
      const decision = decideFormat([layer(file(format))], DEFAULT_RULES);
      assert.equal(decision.outcome, allowed.includes(format) ? "Accepted" : "Refused");
    });
  }

  const cases: readonly (readonly [
    what: string,
    files: readonly FileFacts[],
    rules: Partial<FormatRules>,
    expected: FormatRefusal | "Accepted",
    message?: RegExp,
  ])[] = [
    [
      "a pickle",
      [file("pickle")],
      {},
      "PickleNotAllowed",
      /^a\/model.pickle is a Python pickle: loading it runs .*store the model as safetensors/,
    ],
    [
      "a pickle, and what it names",
      [file("pickle", { types: [lr, "os.system"] })],
      {},
      "PickleNotAllowed",
      /could import os.system, sklearn/,
    ],
    ["a pickle that is allowed", [file("pickle")], { allowPickle: true }, "Accepted"],
    ["a pickle that allow lists only", [file("pickle")], { allow: FORMATS }, "PickleNotAllowed"],
    [
      "a type that is not trusted",
      [file("joblib", { types: [lr] })],
      { allowPickle: true },
      "TypesNotTrusted",
      /a joblib pickle that names .*add to trustedTypes: sklearn.linear_model._logistic.LogisticRegression$/,
    ],
    [
      "a type that is trusted",
      [file("joblib", { types: [lr] })],
      { allowPickle: true, trustedTypes: [lr] },
      "Accepted",
    ],
    ["a type in skops", [file("skops", { types: [lr] })], {}, "TypesNotTrusted"],
    ["types that a JSON file names", [file("json", { types: ["os.system"] })], {}, "Accepted"],
    ["a program", [file("text"), file("elf")], {}, "ExecutableNotAllowed", /belong in the runtime's image/],
    ["a program that is allowed", [file("elf")], { allowExecutables: true }, "Accepted"],
    ["a program that allow lists only", [file("python")], { allow: FORMATS }, "ExecutableNotAllowed"],
    [
      "a format that is not allowed",
      [file("hdf5")],
      {},
      "FormatNotAllowed",
      /is an HDF5 file.*allows safetensors, onnx/,
    ],
    ["no format at all", [file("unknown")], {}, "FormatNotAllowed"],
    ["nothing allowed", [file("text")], { allow: [] }, "FormatNotAllowed", /allows none/],
    [
      "the tensors of an ONNX model",
      [file("onnx", { external: ["./w.bin"] }), file("unknown", { path: "a/w.bin" })],
      {},
      "Accepted",
    ],
    [
      "the tensors of another",
      [file("onnx", { external: ["w.bin"] }), file("unknown", { path: "b/w.bin" })],
      {},
      "FormatNotAllowed",
    ],
    [
      "tensors that are a pickle",
      [file("onnx", { external: ["w.bin"] }), file("pickle", { path: "a/w.bin" })],
      {},
      "PickleNotAllowed",
    ],
    [
      "tensors where ONNX is not allowed",
      [file("onnx", { external: ["w.bin"] }), file("unknown", { path: "a/w.bin" })],
      { allow: ["text"] },
      "FormatNotAllowed",
    ],
  ];
  for (const [what, files, rules, expected, message = /./] of cases) {
    it(`${what}: ${expected}`, () => {
      const decision = decideFormat([layer(...files)], { ...DEFAULT_RULES, ...rules });
      if (decision.outcome === "Accepted") {
        assert.equal(expected, "Accepted");
        return;
      }
      assert.equal(decision.reason, expected);
      assert.match(decision.message, message);
    });
  }

  it("refuses every finding, of a file and of a layer, whatever is allowed", () => {
    for (const name of FINDINGS) {
      const findings = found(name);
      assert.equal(decideFormat([layer(file("text", { findings }))], open).outcome, "Refused", name);
      assert.equal(decideFormat([{ ...layer(file("text")), findings }], open).outcome, "Refused", name);
    }
  });

  it("says of findings what kind they are", () => {
    const reasons: readonly (readonly [FindingName, FormatRefusal])[] = [
      ["TooManyBytes", "LimitExceeded"],
      ["Symlink", "UnsafeEntry"],
      ["Truncated", "MalformedContent"],
      ["AlsoPickle", "UnsafeContent"],
    ];
    for (const [name, reason] of reasons) {
      const decision = decideFormat([layer(file("text", { findings: found(name) }))], open);
      assert.ok(
        decision.outcome === "Refused" && decision.reason === reason && decision.message.includes(`${name} (here)`),
      );
    }
  });

  it("refuses what was not looked through, and nothing", () => {
    for (const reason of INCOMPLETE_REASONS) {
      const decision = decideFormat([layer(file("text")), { state: "Incomplete", reason, detail: "why" }], open);
      assert.ok(decision.outcome === "Refused" && decision.reason === "ScanIncomplete");
      assert.match(decision.message, new RegExp(`${reason}, why`));
    }
    for (const layers of [[], [layer()], [layer(), layer()]]) {
      const decision = decideFormat(layers, open);
      assert.ok(decision.outcome === "Refused" && decision.reason === "NothingScanned");
    }
  });

  it("names all denied types of all files at once, sorted, and only the first of them in the message", () => {
    const types = Array.from({ length: 30 }, (_, index) => `module.Type${String(index).padStart(2, "0")}`);
    const files = [file("pickle", { types: types.slice(20) }), file("joblib", { types: types.slice(0, 25) })];
    const decision = decideFormat([layer(...files)], { ...DEFAULT_RULES, allowPickle: true });
    assert.ok(decision.outcome === "Refused");
    assert.deepEqual(decision.denied, types);
    assert.match(decision.message, /module.Type19 and 10 more$/);
  });
});

describe("trusted types", () => {
  const cases: readonly (readonly [type: string, trusted: string, expected: boolean])[] = [
    [lr, lr, true],
    [lr, "sklearn.*", true],
    [lr, "sklearn.linear_model.*", true],
    [lr, "sklearn.linear_model._logistic.*", true],
    [lr, "sklearn.lin*", false],
    [lr, "sklearn.linear_mode.*", false],
    [lr, "sk.*", false],
    [lr, "*", false],
    [lr, ".*", false],
    [lr, "sklearn", false],
    ["sklearnx.Model", "sklearn.*", false],
    ["a._Model", "a.*", true],
    ["a.load", "a.*", false],
    ["a.load", "a.load", true],
    ["a.__builtins__", "a.*", false],
    ["a.__Model", "a.*", false],
    ["a:b.Model", "a.*", false],
    ["a:Outer.Inner", "a:Outer.Inner", true],
    ["a:Outer.Inner", "a.Outer.Inner", false],
  ];
  for (const [type, trusted, expected] of cases) {
    it(`${trusted} ${expected ? "covers" : "does not cover"} ${type}`, () => {
      assert.equal(isTrusted(type, [trusted]), expected);
    });
  }
});
