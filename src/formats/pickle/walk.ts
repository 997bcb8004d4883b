import type { Budget } from "../budget.ts";
import type { Cursor, Steps } from "../cursor.ts";
import { isName, type Effects } from "./effects.ts";
import { bytes, indexLine, length8, line, literal, nameLine, truncated } from "./literals.ts";
import { Machine, PickleProblem } from "./machine.ts";
import { followingOf, type Following } from "./numpy.ts";
import { OP } from "./opcodes.ts";
import { applyStackOp } from "./stack-ops.ts";
import { DATA, OPAQUE, type Value } from "./values.ts";

const opcodesPerCheck = 1024;
const maxNestedPickles = 4;

export interface WalkOptions {
  readonly effects: Effects;
  readonly budget: Budget;
  /**
   * series: as joblib reads it, where arrays follow their wrappers, or any other program, which may know what an
   * extension code or a persistent id means. plain: as pickle.load does, to which these are errors.
   */
  readonly reading: "series" | "plain";
  /** Where the walk takes up from, when it follows bytes that another has passed over. */
  readonly from?: Machine | undefined;
  /** Told, before they are passed over, that bytes follow which pickle.load would take for opcodes. */
  readonly onRaw?: ((machine: Machine, following: "Bytes" | "Pickle") => void) | undefined;
  readonly depth?: number | undefined;
}

/**
 * Follows one pickle to its STOP, after CPython's pickletools and _pickle.c: every opcode of the protocols 0 to 5, its
 * stack effects, and the names it would import. It executes nothing. It throws a PickleProblem where CPython could not
 * go on either, and where it is not certain what CPython would do.
 */
export class Walk {
  readonly #options: WalkOptions;
  readonly #machine: Machine;
  #frameEnd: number | undefined;
  #sawWrapper = false;

  constructor(options: WalkOptions) {
    this.#options = options;
    this.#machine = new Machine(options.budget.limits, options.from);
    options.budget.addOpcodes(this.#machine.depth >> 4);
  }

  /** Whether joblib wrote it. */
  get sawWrapper(): boolean {
    return this.#sawWrapper;
  }

  *run(cursor: Cursor): Steps<void> {
    const { budget, effects } = this.#options;
    for (let count = 0; ; count++) {
      if (count % opcodesPerCheck === 0 && !budget.addOpcodes(count === 0 ? 1 : opcodesPerCheck)) {
        throw new PickleProblem("TooManyOpcodes", `more than ${budget.limits.maxOpcodes} opcodes`);
      }
      if (cursor.available === 0 && !(yield* cursor.need(1))) throw truncated();
      if (this.#frameEnd !== undefined) this.#checkFrame(cursor.position, this.#frameEnd);
      const opcode = cursor.buffer[cursor.at++] ?? 0;
      if (opcode === OP.STOP) {
        this.#stop(cursor.position);
        return;
      }
      if (applyStackOp(opcode, this.#machine, effects)) continue;
      const value = yield* literal(opcode, cursor);
      if (value !== undefined) this.#machine.push(value);
      else yield* this.#withArgument(opcode, cursor);
    }
  }

  *#withArgument(opcode: number, cursor: Cursor): Steps<void> {
    const machine = this.#machine;
    switch (opcode) {
      case OP.BINGET: {
        machine.recall((yield* bytes(cursor, 1)).readUInt8(0));
        return;
      }
      case OP.LONG_BINGET: {
        machine.recall((yield* bytes(cursor, 4)).readUInt32LE(0));
        return;
      }
      case OP.GET: {
        machine.recall(yield* indexLine(cursor));
        return;
      }
      case OP.BINPUT: {
        machine.store((yield* bytes(cursor, 1)).readUInt8(0));
        return;
      }
      case OP.LONG_BINPUT: {
        machine.store((yield* bytes(cursor, 4)).readUInt32LE(0));
        return;
      }
      case OP.PUT: {
        machine.store(yield* indexLine(cursor));
        return;
      }
      case OP.GLOBAL: {
        machine.push(yield* this.#global(cursor));
        return;
      }
      case OP.INST: {
        // As CPython does it: without a mark nothing is imported.
        const args = machine.tuple(machine.popToMark());
        machine.push(this.#options.effects.call(yield* this.#global(cursor), args));
        return;
      }
      case OP.BUILD:
        return yield* this.#build(cursor);
      case OP.PROTO:
        if ((yield* bytes(cursor, 1)).readUInt8(0) > 5) throw new PickleProblem("Malformed", "an unknown protocol");
        return;
      case OP.FRAME: {
        const length = yield* length8(cursor);
        if (this.#frameEnd !== undefined) throw new PickleProblem("FrameMismatch", "a frame begins inside another");
        this.#frameEnd = cursor.position + length;
        return;
      }
      default:
        return yield* this.#fromOutside(opcode, cursor);
    }
  }

  /** What the loading program decides on: types by number, parts by an id, buffers beside the file. */
  *#fromOutside(opcode: number, cursor: Cursor): Steps<void> {
    const { effects } = this.#options;
    switch (opcode) {
      case OP.EXT1:
      case OP.EXT2:
      case OP.EXT4:
        yield* bytes(cursor, { [OP.EXT1]: 1, [OP.EXT2]: 2, [OP.EXT4]: 4 }[opcode]);
        this.#expectProgram();
        effects.acted = true;
        effects.findings.add("ExtensionCode", "it names types by number, from a registry outside the file");
        break;
      case OP.PERSID:
      case OP.BINPERSID:
        if (opcode === OP.PERSID) yield* line(cursor);
        else this.#machine.pop();
        this.#expectProgram();
        effects.findings.add("PersistentId", "the program that loads it decides what a part of it is");
        break;
      case OP.NEXT_BUFFER:
        this.#expectProgram();
        effects.findings.add("OutOfBandBuffer", "parts of it come from outside the file");
        break;
      default:
        throw new PickleProblem("Malformed", `0x${opcode.toString(16)} is no opcode`);
    }
    this.#machine.push(OPAQUE);
  }

  #expectProgram(): void {
    if (this.#options.reading === "plain") throw new PickleProblem("Malformed", "pickle.load cannot go on here");
  }

  *#global(cursor: Cursor): Steps<Value> {
    const { effects, budget, reading } = this.#options;
    const module = yield* nameLine(cursor, budget.limits.maxStringBytes);
    const attribute = yield* nameLine(cursor, budget.limits.maxStringBytes);
    if (isName(module) && isName(attribute)) return effects.global(module, attribute);
    if (reading === "plain") throw new PickleProblem("Malformed", "a name that nothing has");
    return effects.unresolved(`it imports by an unusual name: ${module} ${attribute}`);
  }

  *#build(cursor: Cursor): Steps<void> {
    const { effects, reading } = this.#options;
    const machine = this.#machine;
    const state = machine.pop();
    const target = machine.top();
    const isDict = typeof state === "object" && state.kind === "dict";
    if (typeof target === "object" && target.kind === "wrapper" && reading === "series") {
      if (target.spent) throw new PickleProblem("Unfollowable", "the bytes of one array are read twice");
      target.spent = true;
      this.#sawWrapper = true;
      const following = followingOf(state);
      machine.pop();
      machine.push(DATA);
      if (isDict) machine.forget(state);
      yield* this.#passRaw(cursor, following);
    } else {
      effects.build(target, state);
      if (isDict) machine.forget(state);
    }
  }

  *#passRaw(cursor: Cursor, following: Following): Steps<void> {
    const { depth = 0, onRaw } = this.#options;
    if (this.#frameEnd !== undefined && cursor.position !== this.#frameEnd) {
      throw new PickleProblem("Unfollowable", "an array's bytes begin inside a frame");
    }
    this.#frameEnd = undefined;
    if (following.kind === "Unknown") {
      throw new PickleProblem("Unfollowable", "it cannot be told how many bytes an array has");
    }
    onRaw?.(this.#machine, following.kind);
    if (following.kind === "Pickle") {
      if (depth >= maxNestedPickles) throw new PickleProblem("Unfollowable", "arrays of objects in each other");
      yield* new Walk({ ...this.#options, from: undefined, reading: "plain", depth: depth + 1 }).run(cursor);
      return;
    }
    const padding = following.padded ? (yield* bytes(cursor, 1)).readUInt8(0) : 0;
    if (!(yield* cursor.skip(padding + following.count))) throw truncated();
  }

  #stop(position: number): void {
    this.#machine.pop();
    if (this.#frameEnd === undefined || this.#frameEnd === position) return;
    throw new PickleProblem("FrameMismatch", "its last frame goes on after its end");
  }

  /** CPython's two unpicklers differ where frames and opcodes do not meet; what is honest never gets there. */
  #checkFrame(position: number, end: number): void {
    if (position > end) throw new PickleProblem("FrameMismatch", "an opcode crosses the end of its frame");
    if (position === end) this.#frameEnd = undefined;
  }
}
