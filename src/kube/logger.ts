import { pino, type DestinationStream, type Logger } from "pino";

export type { Logger } from "pino";

export interface LoggerOptions {
  readonly level: "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
  /** Default: standard output, written synchronously so that the last line before a crash is not lost. */
  readonly destination?: DestinationStream;
}

const secretNames = [
  "authorization",
  "Authorization",
  "password",
  "token",
  "accessToken",
  "refreshToken",
  "secret",
  "clientSecret",
  "privateKey",
  "clientKeyData",
  "stringData",
];

/** Where a secret sits in what we log: at the top, in an object, or in the headers of a request in an object. */
const secretPaths = secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/** JSON lines. `time` is ISO 8601, `level` a word: what log collectors of a cluster expect. */
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: secretPaths, censor: "[redacted]" },
  };
  return pino(settings, options.destination ?? pino.destination({ dest: 1, sync: true }));
}
