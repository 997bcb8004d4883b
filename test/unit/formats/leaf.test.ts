import assert from "node:assert/strict";
import type { FormatName } from "../../../src/formats/index.ts";
import { scanOne, vector } from "./support/scan.ts";

type Case = readonly [what: string, content: Buffer, format: FormatName, findings: readonly string[]];

function check(cases: readonly Case[]): void {
  for (const [what, content, format, findings] of cases) {
    it(`${what}: ${[format, ...findings].join(", ")}`, async () => {
      for (const piece of [1, 64 * 1024]) {
        const file = await scanOne(content, { piece });
        assert.deepEqual(
          [file.format, file.findings.map(({ name }) => name)],
          [format, findings],
          JSON.stringify(file),
        );
      }
    });
  }
}

function ascii(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

function safetensors(header: string | object, bytes: number, length?: number): Buffer {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(length ?? text.length));
  return Buffer.concat([prefix, text, Buffer.alloc(bytes)]);
}

describe("safetensors", () => {
  const tensor = (begin: number, end: number, shape = [end - begin], dtype = "U8"): object => ({
    dtype,
    shape,
    data_offsets: [begin, end],
  });
  const bad = ["Malformed"];
  check([
    ["two tensors", safetensors({ b: tensor(4, 8), a: tensor(0, 4) }, 8), "safetensors", []],
    ["metadata", safetensors({ __metadata__: { a: "b" }, a: tensor(0, 4) }, 4), "safetensors", []],
    ["a header that is filled up", safetensors(`${JSON.stringify({ a: tensor(0, 4) })}   `, 4), "safetensors", []],
    [
      "tensors of spaces",
      Buffer.concat([safetensors({ a: tensor(0, 4) }, 0), Buffer.alloc(4, " ")]),
      "safetensors",
      [],
    ],
    ["a scalar, and nothing", safetensors({ a: tensor(0, 4, [], "F32"), b: tensor(4, 4, [0]) }, 4), "safetensors", []],
    ["half bytes", safetensors({ a: tensor(0, 2, [4], "F4") }, 2), "safetensors", []],
    ["an overlap", safetensors({ a: tensor(0, 4), b: tensor(2, 6) }, 6), "safetensors", bad],
    ["a gap", safetensors({ a: tensor(0, 4), b: tensor(6, 8) }, 8), "safetensors", bad],
    ["more bytes", safetensors({ a: tensor(0, 4) }, 5), "safetensors", bad],
    ["fewer bytes", safetensors({ a: tensor(0, 4) }, 3), "safetensors", bad],
    ["another shape", safetensors({ a: tensor(0, 4, [5]) }, 4), "safetensors", bad],
    ["a shape that overflows", safetensors({ a: tensor(0, 4, [2 ** 40, 2 ** 40]) }, 4), "safetensors", bad],
    ["an unknown type", safetensors({ a: tensor(0, 4, [4], "OBJ") }, 4), "safetensors", bad],
    [
      "a name twice",
      safetensors(`{"a":${JSON.stringify(tensor(0, 4))},"a":${JSON.stringify(tensor(4, 8))}}`, 8),
      "safetensors",
      bad,
    ],
    [
      "a field twice",
      safetensors('{"a":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}}', 4),
      "safetensors",
      bad,
    ],
    ["a field more", safetensors({ a: { ...tensor(0, 4), x: 1 } }, 4), "safetensors", bad],
    ["a negative offset", safetensors('{"a":{"dtype":"U8","shape":[4],"data_offsets":[-4,0]}}', 0), "safetensors", bad],
    ["metadata that is deep", safetensors({ __metadata__: { a: { b: "c" } } }, 0), "safetensors", bad],
    ["a header that is no JSON", safetensors("{a}", 0), "safetensors", bad],
    ["a header with something after it", safetensors("{} {}", 0), "safetensors", bad],
    ["a header that is longer than it says", safetensors({ a: tensor(0, 4) }, 4, 10), "safetensors", bad],
    ["a header that is longer than the file", safetensors({}, 0, 99), "safetensors", bad],
    ["a header of a gigabyte", safetensors({}, 0, 2 ** 30), "unknown", []],
  ]);
});

describe("ONNX and what looks like it", () => {
  const field = (number: number, content: Buffer | string): Buffer => {
    const bytes = Buffer.from(content as string, "latin1");
    return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
  };
  const varint = (value: number): Buffer => {
    const bytes: number[] = [];
    for (let rest = value; bytes.length === 0 || rest > 0; rest = Math.floor(rest / 128)) {
      bytes.push((rest % 128) + (rest >= 128 ? 128 : 0));
    }
    return Buffer.from(bytes);
  };
  const version = Buffer.from([8, 8]);
  const location = (path: string): Buffer => field(13, Buffer.concat([field(1, "location"), field(2, path)]));
  const model = (graph: Buffer): Buffer => Buffer.concat([version, field(7, graph)]);
  const inNode = (tensor: Buffer): Buffer => field(1, field(5, field(5, tensor)));
  let deep = field(1, "x");
  for (let count = 0; count < 60; count++) deep = field(1, field(5, field(6, deep)));
  check([
    ["a model", vector("honest/lr.onnx"), "onnx", []],
    ["a path that leads up, in a node", model(inNode(location("a/../../b"))), "onnx", ["ExternalPath"]],
    [
      "a path that leads up, in a branch",
      model(field(1, field(5, field(6, field(5, location("../b")))))),
      "onnx",
      ["ExternalPath"],
    ],
    ["an absolute path, in a sparse tensor", model(field(15, field(1, location("/b")))), "onnx", ["ExternalPath"]],
    ["a path of Windows", model(field(5, location("..\\b"))), "onnx", ["ExternalPath"]],
    [
      "a path in a function",
      Buffer.concat([model(Buffer.alloc(0)), field(25, field(7, field(5, field(5, location("../b")))))]),
      "onnx",
      ["ExternalPath"],
    ],
    [
      "a path in a graph for training",
      Buffer.concat([model(Buffer.alloc(0)), field(20, field(1, field(5, location("../b"))))]),
      "onnx",
      ["ExternalPath"],
    ],
    [
      "two paths of one tensor",
      model(field(5, Buffer.concat([location("a"), location("../b")]))),
      "onnx",
      ["ExternalPath"],
    ],
    ["graphs deep in each other", model(deep), "onnx", ["TooDeep"]],
    ["half a model", vector("honest/lr.onnx").subarray(0, -3), "onnx", ["Malformed"]],
    [
      "a message that is longer than what it is in",
      Buffer.concat([version, Buffer.from([0x3a, 4, 0x2a, 50, 1, 1])]),
      "onnx",
      ["Malformed"],
    ],
    ["a SavedModel", Buffer.concat([Buffer.from([8, 1]), field(2, "graph")]), "savedmodel", []],
    ["fields that a model has not", Buffer.concat([model(Buffer.alloc(0)), field(99, "x")]), "unknown", []],
    ["a model without graph", Buffer.concat([version, field(8, "x")]), "unknown", []],
    ["a number", Buffer.from([8]), "unknown", []],
  ]);

  it("lists the files that a model refers to", async () => {
    const graph = Buffer.concat([field(5, location("weights.bin")), inNode(location("data/more.bin"))]);
    assert.deepEqual((await scanOne(model(graph))).external, ["data/more.bin", "weights.bin"]);
  });
});

describe("GGUF", () => {
  const tiny = vector("honest/tiny.gguf");
  const change = (at: number, ...bytes: readonly number[]): Buffer => {
    const copy = Buffer.from(tiny);
    bytes.forEach((byte, index) => (copy[at + index] = byte));
    return copy;
  };
  check([
    ["a model", tiny, "gguf", []],
    ["half of its tensors", tiny.subarray(0, -8), "gguf", ["Malformed"]],
    ["half of its metadata", tiny.subarray(0, 60), "gguf", ["Malformed"]],
    ["version 1", change(4, 1), "gguf", ["Malformed"]],
    ["more tensors than there can be", change(8, 0, 0, 1), "gguf", ["Malformed"]],
    ["a text of many bytes", change(24, 255, 255, 255, 255, 255), "gguf", ["Malformed"]],
  ]);
});

describe("NumPy arrays", () => {
  const npy = (header: string, content: Buffer | number, version = 1): Buffer => {
    const length = Buffer.alloc(version === 1 ? 2 : 4);
    if (version === 1) length.writeUInt16LE(header.length);
    else length.writeUInt32LE(header.length);
    const body = typeof content === "number" ? Buffer.alloc(content) : content;
    return Buffer.concat([ascii("\x93NUMPY"), Buffer.from([version, 0]), length, ascii(header), body]);
  };
  const header = (descr: string, shape: string): string =>
    `{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }\n`;
  const bad = ["Malformed"];
  check([
    ["an array", npy(header("'<f8'", "(2, 3)"), 48), "npy", []],
    ["a scalar", npy(header("'<f8'", "()"), 8), "npy", []],
    ["version 3", npy(header("'|b1'", "(5,)"), 5, 3), "npy", []],
    ["text", npy(header("'<U3'", "(2,)"), 24), "npy", []],
    ["dates", npy(header("'<M8[ns]'", "(2,)"), 16), "npy", []],
    ["a structure", npy(header("[('a', '<f8'), ('b', [('c', '|i1', (3,))])]", "(2,)"), 22), "npy", []],
    ["objects", npy(header("'|O'", "(1,)"), vector("malicious/shell.p4.pkl")), "pickle", []],
    ["objects in a structure", npy(header("[('a', '|O')]", "(1,)"), vector("malicious/global.pkl")), "pickle", []],
    ["objects deep in a structure", npy(header("[('a', [('b', 'O8')])]", "(1,)"), ascii("N.")), "pickle", []],
    ["fewer bytes", npy(header("'<f8'", "(2,)"), 15), "npy", bad],
    ["more bytes", npy(header("'<f8'", "(2,)"), 17), "npy", bad],
    ["an unknown type", npy(header("'x8'", "(2,)"), 16), "npy", bad],
    ["a negative length", npy(header("'<f8'", "(-2,)"), 16), "npy", bad],
    ["a header that calls something", npy(header("__import__('os')", "(2,)"), 16), "npy", bad],
    ["a field twice", npy("{'descr': '<f8', 'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 8), "npy", bad],
    ["an unknown version", npy(header("'<f8'", "(2,)"), 16, 9), "npy", bad],
  ]);
});

describe("JSON", () => {
  check([
    ["an object", ascii('{"a": [1, -2.5e+3, true, null, "\\u00e9\\n"], "b": {}}'), "json", []],
    ["a list in white space", ascii("\n [ ] \n"), "json", []],
    ["NaN, as Python writes it", ascii("[NaN, -Infinity]"), "json", []],
    ["something after it", ascii("{} x"), "text", []],
    ["two documents", ascii("{}{}"), "text", []],
    ["a comma too many", ascii("[1,]"), "text", []],
    ["a key without quotes", ascii("{a:1}"), "text", []],
    ["a line break in a text", ascii('["a\nb"]'), "text", []],
    ["an odd escape", ascii('["\\x41"]'), "text", []],
    ["01", ascii("[01]"), "text", []],
    ["a word of JavaScript", ascii("[constructor]"), "text", []],
    ["the wrong bracket", ascii("[}"), "text", []],
    ["half of it", ascii('{"a":'), "text", []],
    ["lists 300 deep", ascii("[".repeat(300) + "]".repeat(300)), "text", []],
    ["a zero in it", ascii('{"a\0": 1}'), "unknown", []],
    ["XGBoost", vector("honest/xgboost.json"), "xgboost-json", []],
  ]);
});

describe("UBJSON", () => {
  const ubj = vector("honest/xgboost.ubj");
  check([
    ["a model", ubj, "xgboost-ubj", []],
    ["half a model", ubj.subarray(0, -4), "xgboost-ubj", ["Malformed"]],
    ["bytes after it", Buffer.concat([ubj, ascii("}")]), "xgboost-ubj", ["Malformed"]],
    ["of another program", ascii("{U\x01aZ}"), "unknown", []],
    ["lists deep in each other", ascii(`{U\x01a${"[".repeat(100)}`), "unknown", []],
  ]);
});

describe("what is known by its first bytes", () => {
  check([
    ["nothing", Buffer.alloc(0), "empty", []],
    ["ELF", vector("malicious/library.bin"), "elf", []],
    ["PE", Buffer.concat([ascii("MZ\x90\0"), Buffer.alloc(60)]), "pe", []],
    ["Mach-O", Buffer.concat([Buffer.from("cffaedfe", "hex"), Buffer.alloc(60)]), "macho", []],
    ["a Java class", Buffer.concat([Buffer.from("cafebabe", "hex"), Buffer.alloc(60)]), "macho", []],
    ["WebAssembly", ascii("\0asm\x01\0\0\0"), "wasm", []],
    ["Python bytecode", Buffer.from("a70d0d0a00000000", "hex"), "python-bytecode", []],
    ["a script", ascii("#!/bin/sh\n"), "script", []],
    ["HDF5", ascii("\x89HDF\r\n\x1a\n\0"), "hdf5", []],
    ["TensorFlow Lite", ascii("\x1c\0\0\0TFL3\0\0"), "tflite", []],
    ["lz4", Buffer.from("04224d1800", "hex"), "lz4", ["CompressedUnreadable"]],
    ["text that begins like zlib", ascii("x^2 + y^2 = z^2\n"), "text", []],
    ["text that begins like bzip2", ascii("BZh, he said\n"), "text", []],
    ["text that begins like a program", ascii("MZ was here\n"), "text", []],
    ["YAML that calls Python", ascii("a: !!python/object/apply:os.system [id]\n"), "text", ["YamlPythonTag"]],
    ["bytes that are nothing", Buffer.from("fffefdfc", "hex"), "unknown", []],
    ["text that is no UTF-8", Buffer.from("61ff62", "hex"), "unknown", []],
    ["half a letter at the end", Buffer.from("61c3", "hex"), "unknown", []],
  ]);

  const python: readonly (readonly [string, FormatName])[] = [
    ["import os\n", "python"],
    ["\n# a comment\nfrom os import system\n", "python"],
    ['"""Docs.\n\nimport nothing\n"""\ndef f(x):\n  pass\n', "python"],
    ["class Model(Base):\n", "python"],
    ["# Title\n\nImport the model.\n", "text"],
    ["from the model\n", "text"],
    ["class of models\n", "text"],
    ["a: 1\nb: 2\n", "text"],
  ];
  for (const [content, format] of python) {
    it(`${JSON.stringify(content)}: ${format}`, async () => {
      assert.equal((await scanOne(ascii(content))).format, format);
    });
  }

  it("text under a name of Python's is Python, and no name makes it less", async () => {
    assert.equal((await scanOne(ascii("a = 1\n"), { name: "a/model.py" })).format, "python");
    assert.equal((await scanOne(vector("malicious/global.pkl"), { name: "README.md" })).format, "pickle");
  });
});
