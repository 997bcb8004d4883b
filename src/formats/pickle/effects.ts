import type { Findings } from "../budget.ts";
import { applyDtypeState, dtypeOf, isGlobal, isTuple, makesWrapper, typeName } from "./numpy.ts";
import { PickleProblem } from "./machine.ts";
import { UNKNOWN_MODULE, type NameSink } from "./names.ts";
import { OPAQUE, type GlobalValue, type Value } from "./values.ts";

const name = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;
const maxName = 256;

/** Whether Python could import or look up something under this name. */
export function isName(text: string): boolean {
  return text.length <= maxName && name.test(text);
}

/** What the opcodes that name, call and change things do, as facts. */
export class Effects {
  readonly findings: Findings;
  readonly #names: NameSink;
  /** Whether loading it would call or change something, and not only make data. */
  acted = false;

  constructor(findings: Findings, names: NameSink) {
    this.findings = findings;
    this.#names = names;
  }

  global(module: string, attribute: string): GlobalValue {
    const value: GlobalValue = { kind: "global", module, name: attribute };
    this.#names.addGlobal(value);
    return value;
  }

  unresolved(detail: string): Value {
    this.findings.add("UnresolvedGlobal", detail);
    return OPAQUE;
  }

  /** A name in a module that is computed, or has a name that is no plain one. */
  inUnknownModule(attribute: string): Value {
    const value: GlobalValue = { kind: "global", module: UNKNOWN_MODULE, name: attribute };
    this.#names.addGlobal(value);
    return value;
  }

  /** The result of a call: REDUCE, NEWOBJ, OBJ or INST. */
  call(callable: Value, args: Value): Value {
    if (isCertainly(args, "tuple") === false) throw new PickleProblem("Malformed", "a call with no list of arguments");
    if (isCertainly(callable, "global") === false)
      throw new PickleProblem("Malformed", "a call of what is no function");
    this.acted = true;
    if (!isGlobal(callable)) {
      this.findings.add("UnresolvedCall", "it calls what another call has returned");
      return OPAQUE;
    }
    const called = typeName(callable);
    if (called === "_codecs.encode") this.#checkCodec(args);
    if (called === "numpy.dtype") return this.#dtype(args);
    return makesWrapper(callable, args) ? { kind: "wrapper", spent: false } : OPAQUE;
  }

  /** BUILD, of anything but a wrapper. */
  build(target: Value, state: Value): void {
    this.change(target);
    if (typeof target === "object" && target.kind === "dtype") {
      applyDtypeState(target, state);
      if (!target.sound) this.findings.add("UnsafeDtype", `the state of a NumPy dtype ${target.code} is not plain`);
    }
  }

  /** Something is put into a value, or set on it. What was imported belongs to the program, not to the pickle. */
  change(target: Value): void {
    if (!isGlobal(target)) return;
    this.acted = true;
    this.findings.add("GlobalModified", `it changes ${typeName(target)} itself`);
  }

  #dtype(args: Value): Value {
    const dtype = dtypeOf(args);
    if (dtype === undefined) this.findings.add("UnsafeDtype", "a NumPy dtype that is not made from a plain code");
    return dtype ?? OPAQUE;
  }

  #checkCodec(args: Value): void {
    const codec = isTuple(args) ? args.items[1] : undefined;
    if (codec === "latin1") return;
    this.findings.add("UnresolvedCall", "it calls _codecs.encode with another codec than latin1");
  }
}

/** Whether a value is of a kind; undefined where anything could be meant. */
function isCertainly(value: Value, kind: "tuple" | "global"): boolean | undefined {
  if (typeof value !== "object") return false;
  return value.kind === "opaque" ? undefined : value.kind === kind;
}
