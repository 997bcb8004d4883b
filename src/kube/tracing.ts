import { type Attributes, type Span, SpanStatusCode, trace } from "@opentelemetry/api";

const scope = "mlsecops-operator";

/**
 * The action as a span, for whoever has loaded an OpenTelemetry SDK into the process; else nothing but the action. What it
 * throws is in the span, too.
 */
export function traced<T>(name: string, attributes: Attributes, action: (span: Span) => Promise<T>): Promise<T> {
  return trace.getTracer(scope).startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await action(span);
    } catch (error) {
      if (error instanceof Error) span.recordException(error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
      throw error;
    } finally {
      span.end();
    }
  });
}
