import assert from "node:assert/strict";
import { accessCondition, accessNews } from "../../../../src/isolation/conditions/access.ts";

const tight = { count: 0, examples: [] };
const example = { binding: "RoleBinding/old", subjects: "Group devs", allows: "get secrets" };

describe("AccessTight", () => {
  it("is True where nobody may do more", () => {
    const { status, reason } = accessCondition(tight);
    assert.deepEqual([status, reason], ["True", "Tight"]);
  });

  it("is False with the binding, whom it binds, what it allows, and how many more", () => {
    const { status, reason, message } = accessCondition({ count: 3, examples: [example, example] });
    assert.deepEqual([status, reason], ["False", "BindingsExceed"]);
    assert.match(
      message,
      /^RoleBinding\/old gives Group devs more than spec\.people says: get secrets \(and 2 more\)\. Delete/,
    );
  });

  it("is Unknown where RBAC cannot be read", () => {
    const { status, reason } = accessCondition(undefined);
    assert.deepEqual([status, reason], ["Unknown", "AccessUnknown"]);
  });

  it("says what to do, however long names are", () => {
    const long = { binding: `RoleBinding/${"x".repeat(253)}`, subjects: "y".repeat(1024), allows: "z".repeat(1024) };
    const { message } = accessCondition({ count: 1, examples: [long] });
    assert.ok(message.length <= 1024);
    assert.match(message, /Delete the binding/);
  });

  it("is news when something else is found, not when it is the same or nothing", () => {
    const found = { count: 1, examples: [example] };
    assert.match(accessNews(undefined, found) ?? "", /RoleBinding\/old/);
    assert.match(accessNews(found, { count: 2, examples: [example, example] }) ?? "", /and 1 more/);
    assert.equal(accessNews(found, structuredClone(found)), undefined);
    assert.equal(accessNews(found, tight), undefined);
  });
});
