import { z } from "zod";
import { SinkUrl } from "../api/index.ts";

/** Who is told of all models, beside those that the models name. */
export const NotificationOptions = z
  .object({
    url: SinkUrl.optional(),
    /** Of the operator's namespace, with the keys that sign. */
    secret: z.string().min(1).optional(),
    /** Receivers that may be spoken to without TLS. */
    plainHttpHosts: z.array(z.string()),
  })
  .refine(({ url, secret }) => secret === undefined || url !== undefined, {
    error: "--notifications-secret needs --notifications-url=https://HOST/PATH",
  });
export type NotificationOptions = z.output<typeof NotificationOptions>;
