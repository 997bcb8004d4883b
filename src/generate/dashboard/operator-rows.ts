import { type Panel, type Row, of, quantileOf, rateOf, seriesPanel } from "./panel.ts";

const series = (
  title: string,
  description: string,
  unit: Panel["unit"],
  ...queries: readonly (readonly [expr: string, legend: string])[]
): Panel => seriesPanel(title, description, { unit, width: 6 }, ...queries);

const work: Row = {
  title: "The operator's work",
  panels: [
    series("Passes", "Passes a second by controller, however they ended.", "ops", [
      rateOf("mlsecops_reconcile_total", "controller"),
      "{{controller}}",
    ]),
    series(
      "Failed passes",
      "Passes a second that ended with an error, and keys that were put back into the queue for one.",
      "ops",
      [rateOf("mlsecops_reconcile_total", "controller", 'result=~"error|terminal"'), "{{controller}}"],
      [rateOf("mlsecops_workqueue_retries_total", "controller"), "{{controller}}, again"],
    ),
    series("Time of a pass", "The 99th percentile by controller. Registries that hang make passes long.", "s", [
      quantileOf(0.99, "mlsecops_reconcile_duration_seconds", "controller"),
      "{{controller}}",
    ]),
    series("Work queue", "Objects that wait for a pass. More than fifty for half an hour are too many.", "short", [
      `sum by (controller) (${of("mlsecops_workqueue_depth")})`,
      "{{controller}}",
    ]),
    series(
      "API requests",
      "Requests to the API server by HTTP status, or by error where there was no answer.",
      "reqps",
      [rateOf("mlsecops_api_requests_total", "code"), "{{code}}"],
    ),
    series("API requests by what they are for", "The ten kinds of requests that there are most of.", "reqps", [
      `topk(10, ${rateOf("mlsecops_api_requests_total", "verb, resource")})`,
      "{{verb}} {{resource}}",
    ]),
    series(
      "Time of an API request",
      "The 99th percentile by verb, without the time that requests wait for their turn.",
      "s",
      [quantileOf(0.99, "mlsecops_api_request_duration_seconds", "verb"), "{{verb}}"],
    ),
    series(
      "Watches",
      "How long ago the API server gave a sign of life on the quietest watch. Above 150 seconds changes may go unseen.",
      "s",
      [`max by (kind) (${of("mlsecops_watch_age_seconds")})`, "{{kind}}"],
    ),
  ],
};

const process: Row = {
  title: "The operator's processes",
  panels: [
    series("Leader", "Which pod leads. It moves when the leader ends or loses its lease.", "bool_yes_no", [
      `max by (instance) (${of("mlsecops_leader")})`,
      "{{instance}}",
    ]),
    series(
      "Memory",
      "What the process holds, and of that the heap of JavaScript. The limit of the pod is in the chart's resources.",
      "bytes",
      [of("process_resident_memory_bytes"), "{{instance}}"],
      [of("nodejs_heap_size_used_bytes"), "{{instance}}, heap"],
    ),
    series("CPU", "Cores that the process uses.", "short", [
      `sum by (instance) (rate(${of("process_cpu_seconds_total")}[$__rate_interval]))`,
      "{{instance}}",
    ]),
    series(
      "Event loop",
      "How late the process gets to what is due: the 99th percentile. Above a second, leases are in danger.",
      "s",
      [of("nodejs_eventloop_lag_p99_seconds"), "{{instance}}"],
    ),
    series("File descriptors", "Open files and connections. They are not to grow for days.", "short", [
      of("process_open_fds"),
      "{{instance}}",
    ]),
    series("Ends of watches", "Ends of watches by cause. Expired is the ordinary one.", "ops", [
      rateOf("mlsecops_watch_restarts_total", "reason"),
      "{{reason}}",
    ]),
    series(
      "Lost on the way",
      "Events that were not recorded, by cause, and exceptions in handlers of changes, by kind.",
      "ops",
      [rateOf("mlsecops_events_dropped_total", "reason"), "event, {{reason}}"],
      [rateOf("mlsecops_informer_handler_errors_total", "kind"), "handler, {{kind}}"],
    ),
    series("Up since", "How long the process has run. A saw says that it is restarted again and again.", "s", [
      `time() - ${of("process_start_time_seconds")}`,
      "{{instance}}",
    ]),
  ],
};

export const operatorRows: readonly Row[] = [work, process];
