import type { ModelTraffic } from "../api/index.ts";
import type { TrafficDriver } from "./driver.ts";
import { httpRoute } from "./http-route.ts";
import { serviceShare } from "./service-share.ts";

/** The driver that a model asks for. */
export function trafficDriver(traffic: ModelTraffic | undefined): TrafficDriver {
  return traffic?.httpRoute === undefined ? serviceShare : httpRoute(traffic.httpRoute);
}
