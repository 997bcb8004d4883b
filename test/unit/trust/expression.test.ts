import assert from "node:assert/strict";
import fc from "fast-check";
import { compileExpression, type ExpressionResult } from "../../../src/trust/expression.ts";
import { digest, name, now } from "./support/build.ts";

function evaluate(text: string, predicate: unknown = {}): ExpressionResult {
  const compiled = compileExpression(text);
  assert(compiled.ok, compiled.ok ? "" : `${text}: ${compiled.problem}`);
  return compiled.expression.evaluate({ predicate, artifact: { name, digest }, now });
}

function problemOf(text: string): string {
  const compiled = compileExpression(text);
  assert(!compiled.ok, `${text} is taken`);
  return compiled.problem;
}

const predicate = {
  score: 0.95,
  count: 3,
  good: true,
  name: " Iris ",
  at: "2026-02-28T12:00:00Z",
  took: "90s",
  list: ["a", "b", "c"],
  map: { a: 1, b: 2 },
  nothing: null,
  deep: [{ x: 1 }, { x: 2 }],
};

describe("an expression", () => {
  const truths = [
    "predicate.score >= 0.9",
    "predicate.score > 0.9 && predicate.score < 1.0",
    "predicate.count == 3",
    "predicate.count + 1.0 == 4.0 || false",
    "predicate.count * 2.0 == 6.0 && predicate.count - 1.0 == 2.0 && predicate.count / 2.0 == 1.5 && -predicate.count < 0.0",
    "7 % 4 == 3",
    "!(predicate.count != 3)",
    "predicate.good",
    "predicate.good ? true : false",
    "predicate.nothing == null",
    "'b' in predicate.list && !('d' in predicate.list)",
    "'a' in predicate.map",
    "predicate.list[1] == 'b'",
    "predicate['score'] == 0.95",
    "predicate.list == ['a', 'b', 'c']",
    "predicate.list + ['d'] == ['a', 'b', 'c', 'd']",
    "predicate.map == {'a': 1.0, 'b': 2.0}",
    "'x' + predicate.list[0] == 'xa'",
    "predicate.name.contains('ri') && predicate.name.startsWith(' I') && predicate.name.endsWith(' ')",
    "predicate.name.trim().lowerAscii() == 'iris'",
    "predicate.name.matches('^ I[a-z]+ $') && !predicate.name.matches(r'^\\d')",
    "predicate.name.size() == 6 && size(predicate.list) == 3 && predicate.list.size() == 3",
    "has(predicate.score) && !has(predicate.absent)",
    "predicate.list.all(x, x in ['a', 'b', 'c'])",
    "predicate.list.exists(x, x == 'c')",
    "predicate.list.exists_one(x, x > 'b')",
    "predicate.list.filter(x, x != 'a') == ['b', 'c']",
    "predicate.deep.map(d, d.x) == [1.0, 2.0]",
    "predicate.map.all(key, predicate.map[key] > 0.0)",
    "timestamp(predicate.at) < now && now - timestamp(predicate.at) <= duration('24h')",
    "duration(predicate.took) == duration('1m30s')",
    "timestamp(predicate.at).getFullYear() == 2026 && timestamp(predicate.at).getMonth() == 1",
    "timestamp(predicate.at).getDayOfMonth() == 27 && timestamp(predicate.at).getHours() == 12",
    "timestamp(predicate.at).getMinutes() == 0 && timestamp(predicate.at).getSeconds() == 0",
    "int('12') == 12 && uint('3') == 3u && double('0.5') == 0.5 && string(12) == '12' && bool('true')",
    "type(predicate.name) == string",
    `artifact.digest == '${digest}' && artifact.name.endsWith('/iris')`,
    "9007199254740993 != 9007199254740992",
  ];
  for (const text of truths) {
    it(`is true: ${text}`, () => {
      assert.deepEqual(evaluate(text, predicate), { state: "True" });
      assert.deepEqual(evaluate(`!(${text})`, predicate), { state: "False" });
    });
  }

  const failures: readonly (readonly [text: string, problem: RegExp])[] = [
    ["predicate.absent", /No such key: absent/],
    ["predicate.score", /neither true nor false/],
    ["predicate.constructor == 1", /No such key: constructor/],
    ["predicate.toString == 1", /No such key: toString/],
    ["predicate['__proto__'] == 1", /No such key: __proto__/],
    ["predicate.list.length == 3", /No such key: length/],
    ["predicate.list[3] == 'd'", /No such key|out of|index/i],
    ["predicate.name > 1", /no such overload/],
    ["predicate.count / 0 == 1", /overload|zero/],
    ["timestamp(predicate.name) < now", /timestamp/],
  ];
  for (const [text, problem] of failures) {
    it(`has no value, and so is not true: ${text}`, () => {
      const result = evaluate(text, predicate);
      assert(result.state === "Failed", result.state);
      assert.match(result.problem, problem);
      assert.doesNotMatch(result.problem, /^\w*Error:/);
    });
  }

  const refused: readonly (readonly [text: string, problem: RegExp])[] = [
    ["", /./],
    ["predicate.", /./],
    ["1 + 1", /gives int; write one that is true or false/],
    ["'yes'", /gives string/],
    ["stranger == 1", /Unknown variable: stranger/],
    ["predicate.name.split(',').size() > 1", /the function split is not available here; available are all, /],
    ["predicate.name.matches(predicate.pattern)", /must be written in the expression itself/],
    ["predicate.name.matches(1)", /must be written in the expression itself/],
    ["predicate.name.matches('a' + 'b')", /must be written in the expression itself/],
    ["predicate.name.matches('(')", /RE2/],
    ["predicate.name.matches('(?=a)')", /RE2/],
    ["predicate.name.matches('(a)\\\\1')", /RE2/],
    [`predicate.name.matches('${"a{500}".repeat(20)}')`, /too large/],
    ["bytes('a') == b'a'", /not available/],
    ["predicate.?a.orValue(1) == 1", /./],
    [`${"(".repeat(200)}true${")".repeat(200)}`, /./],
    [`${"!".repeat(200)}true`, /./],
    [`true${" && true".repeat(300)}`, /./],
    [`[${"[".repeat(100)}${"]".repeat(100)}] == []`, /./],
    ["predicate.weighed(1)", /./],
    ["weighed(predicate) == 1", /./],
    ["countedRange([1]).all(x, true)", /./],
    ["cel.bind(x, 1, x == 1)", /./],
  ];
  for (const [text, problem] of refused) {
    it(`is refused: ${text.slice(0, 70)}`, () => {
      const said = problemOf(text);
      assert.match(said, problem);
      assert.ok(!said.includes("\n") && said.length <= 1024);
    });
  }

  it("compiles or is refused, and never throws, whatever it is", () => {
    const word = fc.constantFrom(
      "predicate",
      "now",
      ".",
      "a",
      "(",
      ")",
      "[",
      "]",
      "1",
      "'x'",
      "in",
      "==",
      "&&",
      "!",
      "?",
      ":",
      ",",
      "all",
      "matches",
      "size",
      "{",
      "}",
      "-",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word, { maxLength: 20 }).map((words) => words.join(" ")),
        ),
        fc.json(),
        (text, json) => {
          const compiled = compileExpression(text);
          if (compiled.ok)
            compiled.expression.evaluate({ predicate: JSON.parse(json), artifact: { name, digest }, now });
        },
      ),
      { numRuns: 500 },
    );
  });

  it("takes a predicate's __proto__ for data, and changes nothing by it", () => {
    const hostile: unknown = JSON.parse(
      '{"__proto__": {"polluted": true}, "a": {"constructor": {"prototype": {"polluted": true}}}}',
    );
    assert.deepEqual(evaluate("predicate.__proto__.polluted == true", hostile), { state: "True" });
    evaluate("{'__proto__': predicate, 'a': predicate}.polluted == true", hostile);
    evaluate("predicate.a.constructor.prototype.polluted == true", hostile);
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    assert.deepEqual(evaluate("has(predicate.polluted)", hostile), { state: "False" });
  });

  it("shows of an attestation's text only what can be printed, in one line", () => {
    const result = evaluate("int(predicate.x) == 1", { x: "\u001b[31m\n\u202etxt" });
    assert(result.state === "Failed");
    assert.match(result.problem, /^[\x20-\x7e]+$/);
  });

  describe("is bounded", () => {
    const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at);
    const steps = /more than 50000 steps/;

    function exhausted(text: string, value: unknown): void {
      const started = performance.now();
      const result = evaluate(text, value);
      const ms = Math.round(performance.now() - started);
      assert(result.state === "Failed", `${text} is ${result.state} after ${ms} ms`);
      assert.match(result.problem, steps);
    }

    it("in rounds, one step each: 49,000 pass and 51,000 do not", () => {
      assert.equal(evaluate("predicate.all(x, true)", numbers(49_000)).state, "True");
      exhausted("predicate.all(x, true)", numbers(51_000));
      assert.equal(evaluate("predicate.all(x, true) && predicate.all(x, true)", numbers(24_000)).state, "True");
      exhausted("predicate.all(x, true) && predicate.all(x, true)", numbers(26_000));
    });

    it("anew for each attestation", () => {
      const compiled = compileExpression("predicate.all(x, true)");
      assert(compiled.ok);
      for (const count of [30_000, 51_000, 30_000]) {
        const { state } = compiled.expression.evaluate({ predicate: numbers(count), artifact: { name, digest }, now });
        assert.equal(state, count > 50_000 ? "Failed" : "True");
      }
    });

    const text = "x".repeat(1_000_000);
    const map = Object.fromEntries(numbers(60_000).map((at) => [`k${at}`, at]));
    const doubled = `[predicate, predicate]${".map(x, [x, x])".repeat(18)}`;
    const cases: readonly (readonly [what: string, text: string, predicate: unknown])[] = [
      ["rounds within rounds", "predicate.all(x, predicate.all(y, true))", numbers(300)],
      ["rounds over a map", "predicate.all(key, true)", map],
      ["filter and map", "predicate.filter(x, predicate.map(y, y) == []).size() > 0", numbers(300)],
      ["searching a list for each", "predicate.all(x, x in predicate)", numbers(10_000)],
      ["comparing long lists", "predicate.all(x, predicate == predicate)", numbers(10_000)],
      ["comparing nested ones", "predicate == predicate", numbers(1_000).map(() => numbers(1_000))],
      ["comparing maps", `${"predicate == predicate && ".repeat(20)}true`, map],
      ["putting lists together", `size(${Array(20).fill("predicate").join(" + ")}) > 0`, numbers(500_000)],
      [
        "putting texts together",
        "[1, 2, 3, 4, 5, 6].all(x, ['a'].all(y, predicate + predicate != 'a'))",
        text.repeat(4),
      ],
      ["what doubles with each step", `${doubled} == ${doubled}`, 1],
      [
        "searching a text for each",
        "predicate.list.all(x, !predicate.text.contains('y'))",
        { list: numbers(100), text },
      ],
      [
        "matching a text for each",
        "predicate.list.all(x, !predicate.text.matches('y+z'))",
        { list: numbers(100), text },
      ],
      ["a large pattern", "predicate.matches('a{900}b')", text],
      [
        "lower case for each",
        "predicate.list.all(x, predicate.text.lowerAscii() != 'y')",
        { list: numbers(100), text },
      ],
    ];
    for (const [what, expression, value] of cases) it(`in ${what}`, () => exhausted(expression, value));

    for (const conversion of ["int", "uint", "double", "bool", "timestamp", "duration"]) {
      it(`in the text that ${conversion}(…) takes`, () => {
        const result = evaluate(`type(${conversion}(predicate)) == string`, "9".repeat(1_000_000));
        assert(result.state === "Failed");
        assert.match(result.problem, /more than 256 characters is neither a number nor a time/);
      });
    }

    it("in the text that becomes a number, at 256 characters", () => {
      const half = (length: number): string => "0.5".padEnd(length, "0");
      assert.equal(evaluate("double(predicate) == 0.5", half(256)).state, "True");
      assert.equal(evaluate("double(predicate) == 0.5", half(257)).state, "Failed");
    });

    it("and what takes longest within the bound takes as long as this", () => {
      const heavy = `predicate.all(x, ${Array(30).fill("x + 1.0 > 0.0").join(" && ")})`;
      const worst: readonly (readonly [string, unknown])[] = [
        [heavy, numbers(49_000)],
        ["predicate.all(x, x in predicate)", numbers(880)],
        ["predicate.matches('^(a|b|ab)*c$')", "ab".repeat(200_000)],
        ["duration(predicate) == duration('1s')", "1".repeat(256)],
      ];
      const times = worst.map(([expression, value]) => {
        const started = performance.now();
        evaluate(expression, value);
        return `${Math.round(performance.now() - started)} ms`;
      });
      console.log(`        ${times.join(", ")}`);
    });
  });
});
