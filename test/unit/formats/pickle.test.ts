import assert from "node:assert/strict";
import { scanOne, vector } from "./support/scan.ts";

const proto = "\x80\x04";

function text(value: string): string {
  return `\x8c${String.fromCharCode(value.length)}${value}`;
}

function named(module: string, name: string): string {
  return `${text(module)}${text(name)}\x93`;
}

const system = named("os", "system");

type Case = readonly [what: string, content: string, types: readonly string[], findings: readonly string[]];

function check(cases: readonly Case[]): void {
  for (const [what, content, types, findings] of cases) {
    it(what, async () => {
      for (const piece of [1, 2, 64 * 1024]) {
        const file = await scanOne(Buffer.from(content, "latin1"), { piece });
        assert.equal(file.format, "pickle");
        assert.deepEqual([file.types, file.findings.map(({ name }) => name)], [types, findings], JSON.stringify(file));
      }
    });
  }
}

describe("what a pickle would import", () => {
  check([
    ["nothing, of plain data", `${proto}}(${text("a")}]K\x01au.`, [], []],
    ["by GLOBAL", `${proto}cos\nsystem\n.`, ["os.system"], []],
    ["by STACK_GLOBAL", `${proto}${system}.`, ["os.system"], []],
    ["by INST", "(ios\nsystem\n.", ["os.system"], []],
    ["by names from BINUNICODE", `${proto}X\x02\0\0\0osX\x06\0\0\0system\x93.`, ["os.system"], []],
    ["by names from BINUNICODE8", `${proto}\x8d\x02${"\0".repeat(7)}os${text("system")}\x93.`, ["os.system"], []],
    ["by names of Python 2", `${proto}U\x02osT\x06\0\0\0system\x93.`, ["os.system"], []],
    ["by names from lines", `${proto}Vos\nS'system'\n\x93.`, ["os.system"], []],
    ["by names from PUT and GET", `${proto}Vos\np7\n0Vsystem\np12\n0g7\ng12\n\x93.`, ["os.system"], []],
    ["by names from DUP", `${proto}${text("code")}2\x93.`, ["code.code"], []],
    ["by names over a mark that is popped", `${proto}${text("os")}(0${text("system")}\x93.`, ["os.system"], []],
    ["by names under what is popped", `${proto}${text("os")}(NN1${text("system")}\x93.`, ["os.system"], []],
    [
      "by names in a later frame",
      `${proto}\x95\x04${"\0".repeat(7)}${text("os")}\x95\x0a${"\0".repeat(7)}${text("system")}\x93.`,
      ["os.system"],
      [],
    ],
    ["after the first pickle", `N.${proto}${system}.`, ["os.system"], []],
    ["in a path", `${proto}${named("a", "b.c")}.`, ["a:b.c"], []],
    ["many, sorted, each once", `${proto}cb\nx\n0ca\nx\n0cb\nx\n.`, ["a.x", "b.x"], []],
    ["not what only holds data", `${proto}cbuiltins\nset\n0ccollections\nOrderedDict\n)R.`, [], []],
    ["what has a similar name", `${proto}cbuiltins\nsetattr\n.`, ["builtins.setattr"], []],
  ]);
});

describe("what cannot be told", () => {
  check([
    ["a name with an escape", `${proto}Vo\\u0073\n${text("system")}\x93.`, [], ["UnresolvedGlobal"]],
    [
      "a name of a text that is too long",
      `${proto}${text("os")}X\x01\x01\0\0${"a".repeat(257)}\x93.`,
      [],
      ["UnresolvedGlobal"],
    ],
    ["a name that a call returns", `${proto}${text("os")}cbuiltins\nstr\n)R\x93.`, [], ["UnresolvedGlobal"]],
    ["a name that is none", `${proto}${text("o s")}${text("system")}\x93.`, [], ["UnresolvedGlobal"]],
    ["a name of other letters", `${proto}\x8c\x03\u00c3\u00b6s${text("system")}\x93.`, [], ["UnresolvedGlobal"]],
    ["a call of what a call returns", `${proto}cbuiltins\nlist\n)R)R.`, [], ["UnresolvedCall"]],
    ["types by number", `${proto}\x83\x01\x01.`, [], ["ExtensionCode"]],
    ["parts by an id", `${proto}Pabc\n.`, [], ["PersistentId"]],
    ["parts beside the file", `${proto}\x97\x98.`, [], ["OutOfBandBuffer"]],
    ["a value that is stored over another", `${proto}Nq\x000Kaq\x00.`, [], ["Unfollowable"]],
    [
      "a dtype whose flags lie",
      `${proto}cnumpy\ndtype\n${text("O8")}\x89\x88\x87R(K\x03${text("x")}NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb.`,
      [],
      ["UnsafeDtype"],
    ],
    ["a dtype of a type", `${proto}cnumpy\ndtype\ncbuiltins\nobject\n\x85R.`, [], ["UnsafeDtype"]],
    ["an opcode over the end of its frame", `${proto}\x95\x01${"\0".repeat(7)}K\x01.`, [], ["FrameMismatch"]],
    ["a frame in a frame", `${proto}\x95\x20${"\0".repeat(7)}\x95\x01${"\0".repeat(7)}N.`, [], ["FrameMismatch"]],
    ["a frame that goes on after STOP", `${proto}\x95\x20${"\0".repeat(7)}N.`, [], ["FrameMismatch"]],
  ]);
});

describe("what is changed that belongs to the program", () => {
  check([
    ["by BUILD", `${proto}ccollections\nOrderedDict\n}b.`, [], ["GlobalModified"]],
    ["by SETITEM", `${proto}ccollections\nOrderedDict\nNNs.`, [], ["GlobalModified"]],
    ["by SETITEMS", `${proto}ccollections\nOrderedDict\n(NNu.`, [], ["GlobalModified"]],
    ["by APPEND", `${proto}ccollections\nOrderedDict\nNa.`, [], ["GlobalModified"]],
    ["by APPENDS", `${proto}ccollections\nOrderedDict\n(Ne.`, [], ["GlobalModified"]],
    ["by ADDITEMS", `${proto}ccollections\nOrderedDict\n(N\x90.`, [], ["GlobalModified"]],
  ]);
});

describe("what is broken", () => {
  const broken: readonly (readonly [string, string])[] = [
    ["an empty stack", "0"],
    ["no mark", "t"],
    ["a value under a mark", "N(\x85"],
    ["a memo that is not there", "h\x05"],
    ["a protocol that is not there", "\x80\x06"],
    ["no opcode", "\xff"],
    ["a key without a value", "}(Nu"],
    ["a negative length", "T\xff\xff\xff\xff"],
    ["an object without a class", "(o"],
    ["a number as a name", `K\x01${text("a")}\x93`],
    ["a call without arguments", "cbuiltins\nlist\nNR"],
    ["a call of a number", "K\x01)R"],
    ["a memo index that is no number", "Npx\n"],
  ];
  check(broken.map(([what, content]) => [what, `${proto}${content}.`, [], ["Malformed"]]));
  check([
    ["an end in the middle of a number", `${proto}J\x01`, [], ["Truncated"]],
    ["an end in the middle of a line", `${proto}cos`, [], ["Truncated"]],
    ["bytes that never come", `${proto}B\xff\xff\xff\xff`, [], ["Truncated"]],
    ["more bytes than a number can say", `${proto}\x8e${"\xff".repeat(8)}`, [], ["Truncated"]],
    ["something after its end", `${proto}N.\0\0`, [], ["TrailingData"]],
  ]);
});

describe("joblib files", () => {
  const joblib = vector("honest/mixed.joblib");

  it("are followed over arrays of every kind", async () => {
    const file = await scanOne(joblib);
    assert.deepEqual([file.format, file.types, file.findings], ["joblib", [], []]);
  });

  const changes: readonly (readonly [what: string, from: string, to: string])[] = [
    ["an array that is longer", "K\x05\x85\x94", "K\x06\x85\x94"],
    ["an array whose length is not known", "K\x05\x85\x94", "G\x05\x85\x94"],
    ["items that are longer", "\x8c\x02f8", "\x8c\x02f9"],
  ];
  for (const [what, from, to] of changes) {
    it(`are refused with ${what}`, async () => {
      const at = joblib.indexOf(Buffer.from(from, "latin1"));
      assert.ok(at > 0);
      const changed = Buffer.from(joblib);
      changed.write(to, at, "latin1");
      assert.notDeepEqual((await scanOne(changed)).findings, []);
    });
  }
});
