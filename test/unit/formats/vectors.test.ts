import assert from "node:assert/strict";
import { FORMATS, type FormatName } from "../../../src/formats/index.ts";
import { decide, findingsOf, scan, vector, vectorsIn } from "./support/scan.ts";

const logistic = ["sklearn.linear_model._logistic.LogisticRegression"];
const forest = [
  "sklearn.ensemble._forest.RandomForestClassifier",
  "sklearn.tree._classes.DecisionTreeClassifier",
  "sklearn.tree._tree.Tree",
];
const torch = ["torch.FloatStorage", "torch._utils._rebuild_tensor_v2"];

/** Everything in honest/: what it is, and the types that have to be trusted. */
const honest: Readonly<Record<string, readonly [format: FormatName, types: readonly string[]]>> = {
  "README.md": ["text", []],
  "array.npy": ["npy", []],
  "arrays.npz": ["npz", []],
  "compressed.npz": ["npz", []],
  "data.p0.pkl": ["pickle", []],
  "data.p1.pkl": ["pickle", []],
  "data.p2.pkl": ["pickle", []],
  "data.p5.pkl": ["pickle", []],
  "dense.keras": ["keras", []],
  "empty.safetensors": ["safetensors", []],
  "external.onnx": ["onnx", []],
  "lightgbm.txt": ["lightgbm", []],
  "lr.onnx": ["onnx", []],
  "lr.p0.pkl": ["pickle", logistic],
  "lr.p1.pkl": ["pickle", logistic],
  "lr.p2.pkl": ["pickle", logistic],
  "lr.p3.pkl": ["pickle", logistic],
  "lr.p4.pkl": ["pickle", logistic],
  "lr.p5.pkl": ["pickle", logistic],
  "lr.skops": ["skops", logistic],
  "mixed.joblib": ["joblib", []],
  "model-card.json": ["json", []],
  "pipeline.pkl": ["pickle", [...logistic, "sklearn.pipeline.Pipeline", "sklearn.preprocessing._data.StandardScaler"]],
  "rf.gzip.joblib": ["gzip", forest],
  "rf.joblib": ["joblib", forest],
  "rf.p2.joblib": ["joblib", forest],
  "rf.pkl": ["pickle", forest],
  "rf.skops": ["skops", forest],
  "rf.zlib.joblib": ["zlib", forest],
  "struct.npy": ["npy", []],
  "tiny.gguf": ["gguf", []],
  "torch.pt": ["torch", torch],
  "vocabulary.txt": ["text", []],
  "weights.safetensors": ["safetensors", []],
  "words.txt": ["text", []],
  "xgboost.json": ["xgboost-json", []],
  "xgboost.ubj": ["xgboost-ubj", []],
};

describe("honest files", () => {
  it("are all in the table", () => {
    assert.deepEqual(
      vectorsIn("honest"),
      Object.keys(honest)
        .sort()
        .map((name) => `honest/${name}`),
    );
  });

  for (const [name, [format, types]] of Object.entries(honest)) {
    it(`${name} is ${format}`, async () => {
      const content = vector(`honest/${name}`);
      const facts = await scan(content);
      assert.deepEqual(findingsOf(facts), []);
      assert.equal(facts.files.at(-1)?.format, format);
      assert.equal(facts.files.at(-1)?.size, content.length);
      assert.deepEqual([...new Set(facts.files.flatMap((file) => file.types))].sort(), [...types].sort());

      const rules = { allow: FORMATS, allowPickle: true };
      assert.deepEqual(await decide(content, { ...rules, trustedTypes: types }), { outcome: "Accepted" });
      if (types.length === 0) return;
      const decision = await decide(content, { ...rules, trustedTypes: types.slice(1) });
      assert.ok(decision.outcome === "Refused" && decision.reason === "TypesNotTrusted", JSON.stringify(decision));
      assert.deepEqual(decision.denied, types.slice(0, 1));
      assert.match(decision.message, new RegExp(`add to trustedTypes: ${types[0] ?? ""}$`));
    });
  }

  it("are told the same, in whatever pieces they come", async () => {
    for (const folder of ["honest", "malicious"] as const) {
      for (const name of vectorsIn(folder)) {
        const content = vector(name);
        const whole = await scan(content);
        for (const piece of content.length > 20_000 ? [997] : [1, 7, 100]) {
          assert.deepEqual(await scan(content, { piece }), whole, `${name} in pieces of ${piece}`);
        }
      }
    }
  }).timeout(120_000);
});

/** Everything in malicious/: the types, or the findings, by which it is refused whatever else is allowed. */
const malicious: Readonly<
  Record<string, { readonly types?: readonly string[]; readonly findings?: readonly string[] }>
> = {
  "absolute.onnx": { findings: ["ExternalPath"] },
  "after-array.joblib": { types: ["posix.system"] },
  "after-array.lzma.joblib": { findings: ["CompressedUnreadable"] },
  "after-array.zlib.joblib": { types: ["posix.system"] },
  "appended.safetensors": { findings: ["Malformed", "TrailingArchive"] },
  "broken-after.pkl": { types: ["os.system"], findings: ["Malformed"] },
  "cdll.pkl": { types: ["ctypes.CDLL"] },
  "class-changed.pkl": { types: ["os.system"], findings: ["GlobalModified"] },
  "codec.pkl": { findings: ["UnresolvedCall"] },
  "computed.pkl": { findings: ["UnresolvedGlobal"] },
  "dotted.pkl": { types: ["sklearn.utils:os.system"] },
  "dup-pop.pkl": { types: ["os.system"] },
  "entity.pmml": { findings: ["XmlDoctype"] },
  "escaped.pkl": { findings: ["UnresolvedGlobal", "UnresolvedCall"] },
  "ext.pkl": { findings: ["ExtensionCode", "UnresolvedCall"] },
  "ext4.pkl": { findings: ["ExtensionCode", "UnresolvedCall"] },
  "first.joblib": { types: ["posix.system"] },
  "frame.pkl": { findings: ["FrameMismatch"] },
  "getattr.pkl": { types: ["builtins.__import__", "builtins.getattr"], findings: ["UnresolvedCall"] },
  "global.pkl": { types: ["os.system"] },
  "import-module.pkl": { types: ["importlib.import_module"] },
  "import.pkl": { types: ["__builtin__.__import__"] },
  "inside-array-memo.joblib": { types: ["os.system"] },
  "inside-array.joblib": { types: ["os.system"] },
  "inside-object-array.joblib": { types: ["os.system"] },
  "inst.pkl": { types: ["os.system"] },
  "lambda.keras": { types: ["custom.__lambda__", "keras.layers.Lambda"] },
  "library.bin": {},
  "memo-far.pkl": { types: ["os.system"] },
  "memo-overwritten.pkl": { findings: ["Unfollowable"] },
  "memo.pkl": { types: ["os.system"] },
  "model.onnx": { types: ["posix.system"] },
  "modeling.txt": {},
  "module.keras": { types: ["os.function"] },
  "nested.zip": { types: ["posix.system"] },
  "newobj-ex.pkl": { types: ["subprocess.Popen"] },
  "no-stop.pkl": { types: ["os.system"], findings: ["Truncated"] },
  "notes.txt": { types: ["os.system"] },
  "numpy-builtins.pkl": { types: ["numpy.__builtins__"], findings: ["GlobalModified"] },
  "obj.pkl": { types: ["os.system"] },
  "object-array.joblib": { types: ["posix.system"] },
  "object.npy": { types: ["posix.system"] },
  "object.npz": { types: ["posix.system"] },
  "overlap.safetensors": { findings: ["Malformed"] },
  "persistent.pkl": { findings: ["PersistentId"] },
  "pip.pkl": { types: ["pip.main"] },
  "polyglot.safetensors": { types: ["os.system"], findings: ["Malformed", "TrailingData", "AlsoPickle"] },
  "prefixed.zip": { findings: ["TrailingArchive"] },
  "run.sh": {},
  "runstring.pkl": { types: ["numpy.testing._private.utils.runstring"] },
  "second.pkl": { types: ["posix.system"] },
  "shell.bz2": { findings: ["CompressedUnreadable"] },
  "shell.lzma": { findings: ["CompressedUnreadable"] },
  "shell.p0.pkl": { types: ["posix.system"] },
  "shell.p1.pkl": { types: ["posix.system"] },
  "shell.p2.pkl": { types: ["posix.system"] },
  "shell.p3.pkl": { types: ["posix.system"] },
  "shell.p4.pkl": { types: ["posix.system"] },
  "shell.p5.pkl": { types: ["posix.system"] },
  "shell.tar.gz": { types: ["posix.system"] },
  "shell.xz": { findings: ["CompressedUnreadable"] },
  "shell.zlib": { types: ["posix.system"] },
  "stack-global.pkl": { types: ["os.system"] },
  "system.skops": { types: ["posix.system"] },
  "template.gguf": { findings: ["TemplateReachesPython"] },
  "torch.pt": { types: ["os.system", ...torch] },
  "traversal.onnx": { findings: ["ExternalPath"] },
  "two-names.zip": { findings: ["ZipInconsistent"] },
};

describe("malicious files", () => {
  it("are all in the table", () => {
    assert.deepEqual(
      vectorsIn("malicious"),
      Object.keys(malicious)
        .sort()
        .map((name) => `malicious/${name}`),
    );
  });

  for (const [name, { types = [], findings = [] }] of Object.entries(malicious)) {
    it(`${name}: refused for ${[...types, ...findings].join(", ") || "what it is"}`, async () => {
      const content = vector(`malicious/${name}`);
      const facts = await scan(content);
      assert.deepEqual([...new Set(facts.files.flatMap((file) => file.types))].sort(), [...types].sort());
      assert.deepEqual([...new Set(findingsOf(facts))].sort(), [...findings].sort());
      assert.equal((await decide(content)).outcome, "Refused");
      const open = await decide(content, { allow: FORMATS, allowPickle: true, trustedTypes: ["sklearn.*", "numpy.*"] });
      assert.equal(open.outcome, "Refused");
    });
  }
});
