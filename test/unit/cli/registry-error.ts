import { RegistryError } from "../../../src/trust/index.ts";

/** For assert.rejects. */
export function isRegistryErrorCode(code: RegistryError["code"]): (error: unknown) => boolean {
  return (error) => error instanceof RegistryError && error.code === code;
}
