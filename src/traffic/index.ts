/** Which revision of a model answers how many requests: one interface, a driver for each way to share them. */
export { trafficDriver } from "./choose.ts";
export { type TrafficDriver, type TrafficProgress, type TrafficSplit, candidateWeight } from "./driver.ts";
export { httpRoute, httpRouteNotServed, httpRouteType } from "./http-route.ts";
export { serviceShare } from "./service-share.ts";
