import { isName, type Effects } from "./effects.ts";
import { PickleProblem, type Machine } from "./machine.ts";
import { OP } from "./opcodes.ts";
import { DATA, FALSE, isText, NONE, TRUE, type Value } from "./values.ts";

/** Does what an opcode without an argument does; false: it is none of these. */
export function applyStackOp(opcode: number, machine: Machine, effects: Effects): boolean {
  switch (opcode) {
    case OP.MARK:
      machine.mark();
      return true;
    case OP.POP:
      machine.popValueOrMark();
      return true;
    case OP.POP_MARK:
      machine.popToMark();
      return true;
    case OP.DUP:
      machine.push(machine.top());
      return true;
    case OP.NONE:
      machine.push(NONE);
      return true;
    case OP.NEWTRUE:
      machine.push(TRUE);
      return true;
    case OP.NEWFALSE:
      machine.push(FALSE);
      return true;
    case OP.MEMOIZE:
      machine.memoize();
      return true;
    case OP.READONLY_BUFFER:
      machine.top();
      return true;
    default:
      return (
        makeContainer(opcode, machine) || fillContainer(opcode, machine, effects) || call(opcode, machine, effects)
      );
  }
}

function makeContainer(opcode: number, machine: Machine): boolean {
  switch (opcode) {
    case OP.EMPTY_TUPLE:
      machine.push(machine.tuple([]));
      return true;
    case OP.TUPLE1:
      machine.push(machine.tuple([machine.pop()]));
      return true;
    case OP.TUPLE2: {
      const second = machine.pop();
      machine.push(machine.tuple([machine.pop(), second]));
      return true;
    }
    case OP.TUPLE3: {
      const [third, second] = [machine.pop(), machine.pop()];
      machine.push(machine.tuple([machine.pop(), second, third]));
      return true;
    }
    case OP.TUPLE:
      machine.push(machine.tuple(machine.popToMark()));
      return true;
    case OP.EMPTY_LIST:
    case OP.EMPTY_SET:
      machine.push(DATA);
      return true;
    case OP.LIST:
    case OP.FROZENSET:
      machine.popToMark();
      machine.push(DATA);
      return true;
    case OP.EMPTY_DICT:
      machine.push(machine.dict([]));
      return true;
    case OP.DICT:
      machine.push(machine.dict(pairs(machine.popToMark())));
      return true;
    default:
      return false;
  }
}

function fillContainer(opcode: number, machine: Machine, effects: Effects): boolean {
  switch (opcode) {
    case OP.APPEND:
      machine.pop();
      effects.change(machine.top());
      return true;
    case OP.APPENDS:
    case OP.ADDITEMS:
      machine.popToMark();
      effects.change(machine.top());
      return true;
    case OP.SETITEM: {
      const value = machine.pop();
      setItems([machine.pop(), value], machine, effects);
      return true;
    }
    case OP.SETITEMS:
      setItems(pairs(machine.popToMark()), machine, effects);
      return true;
    default:
      return false;
  }
}

function call(opcode: number, machine: Machine, effects: Effects): boolean {
  switch (opcode) {
    case OP.REDUCE:
    case OP.NEWOBJ: {
      const args = machine.pop();
      machine.push(effects.call(machine.pop(), args));
      return true;
    }
    case OP.NEWOBJ_EX: {
      machine.pop();
      const args = machine.pop();
      machine.push(effects.call(machine.pop(), args));
      return true;
    }
    case OP.OBJ: {
      const [callable, ...args] = machine.popToMark();
      if (callable === undefined) throw new PickleProblem("Malformed", "an object without a class");
      machine.push(effects.call(callable, machine.tuple(args)));
      return true;
    }
    case OP.STACK_GLOBAL: {
      const attribute = machine.pop();
      machine.push(named(machine.pop(), attribute, effects));
      return true;
    }
    default:
      return false;
  }
}

function named(module: Value, attribute: Value, effects: Effects): Value {
  if (typeof module === "string" && typeof attribute === "string") return effects.global(module, attribute);
  if (isText(module) === false || isText(attribute) === false) {
    throw new PickleProblem("Malformed", "a name that is no text");
  }
  if (typeof attribute === "string" && isName(attribute)) return effects.inUnknownModule(attribute);
  return effects.unresolved("what it imports has a name that is computed, or unusual");
}

function setItems(items: readonly Value[], machine: Machine, effects: Effects): void {
  const target = machine.top();
  if (typeof target === "object" && target.kind === "dict") machine.setItems(target, items);
  else effects.change(target);
}

function pairs(items: Value[]): readonly Value[] {
  if (items.length % 2 !== 0) throw new PickleProblem("Malformed", "a key without a value");
  return items;
}
