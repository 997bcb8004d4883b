/** Which revision of a model answers how many requests: one interface, a driver for each way to share them. */
export { type TrafficDriver, type TrafficProgress, type TrafficSplit, candidateWeight } from "./driver.ts";
export { replicaShare, serviceShare } from "./service-share.ts";
export { candidateName } from "./services.ts";
