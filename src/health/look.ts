/** Why a look at a signal found nothing out. Stable: they stand in statuses and metrics. */
export type LookErrorReason =
  /** The address may not be asked: see the message. */
  | "NotAllowed"
  | "Unreachable"
  | "Timeout"
  | "TooLarge"
  | "NotAuthorized"
  /** The server refuses the query itself. */
  | "BadQuery"
  | "ServerError"
  /** Something answered, and not what was asked for: HTML, for example. */
  | "NotPrometheus"
  | "SeveralSeries"
  | "TooManyPoints"
  | "NotANumber"
  | "ClockSkew"
  | "SecretUnusable"
  /** There is no pod to ask, or to ask about. */
  | "NoTarget"
  /** The revision that serves, which this one is compared with, gives no answer to compare with. */
  | "NoBaseline";

/** How an answer is wrong. Stable. */
export type WrongReason = "WrongStatus" | "WrongAnswer" | "TooSlow";

/** What one look at one signal found. Only a value can speak for a model: whatever else there is, it is never "healthy". */
export type Look =
  | { readonly kind: "Value"; readonly value: number }
  /** The model answered, and badly: that counts against it whatever the bounds are. */
  | { readonly kind: "Wrong"; readonly reason: WrongReason; readonly message: string }
  | { readonly kind: "NoData" }
  | { readonly kind: "NaN" }
  | { readonly kind: "Stale"; readonly ageMs: number }
  | { readonly kind: "Error"; readonly reason: LookErrorReason; readonly message: string };

export type Blank = Exclude<Look, { readonly kind: "Value" | "Wrong" }>;

/** A number that was found; what is no number is another kind of look. */
export function valueLook(value: number): Look {
  if (Number.isNaN(value)) return { kind: "NaN" };
  // Minus zero would come back from JSON as zero.
  return Number.isFinite(value)
    ? { kind: "Value", value: value === 0 ? 0 : value }
    : errorLook("NotANumber", `the value is ${value > 0 ? "+Inf" : "-Inf"}: divide by something that is not 0`);
}

export function errorLook(reason: LookErrorReason, message: string): Look {
  return { kind: "Error", reason, message };
}

export function wrongLook(reason: WrongReason, message: string): Look {
  return { kind: "Wrong", reason, message: `${reason}: ${message}` };
}

/** Why a look has no value, in a few words. */
export function describeBlank(look: Blank): string {
  switch (look.kind) {
    case "NoData":
      return "no data";
    case "NaN":
      return "not a number (NaN)";
    case "Stale":
      return `the newest data is ${Math.round(look.ageMs / 1000)} s old`;
    case "Error":
      return `${look.reason}: ${look.message}`;
  }
}

/** A number as a person reads it: four digits that count. */
export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(4)));
}
